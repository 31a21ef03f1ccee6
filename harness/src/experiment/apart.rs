//! What is asked for beside the load: are visitors kept apart, and does an error page show the settings?

use std::time::Duration;

use kneepoint_crawler::{ApartPlan, LoginForm, Mixed, visitors_apart};
use kneepoint_loadgen::{BlockLoad, PhasePlan};
use kneepoint_model::load::LoadModel;
use kneepoint_model::outcome::Outcome;
use kneepoint_model::stack::StackInfo;
use kneepoint_scenarios::Scenario;
use kneepoint_stack::toggle::{Comparison, Requests};

use super::bench::Bench;

/// Readers of the reference data, and what all of them log in with.
const READERS: [&str; 2] = ["reader0001", "reader0002"];
const PASSWORD: &str = "throw-away-reader";
/// Pages that show who is logged in, or carry a form.
const PERSONAL: [&str; 3] = ["/", "/books/7/", "/cart/add/?book=7"];
const TIMEOUT: Duration = Duration::from_secs(8);

/// A page that is not there, and what an error page says that must say nothing.
const NO_SUCH_PAGE: &str = r#"
name = "no-such-page"
[[step]]
name = "GET /no-such-page/"
path = "/kneepoint-no-such-page/"
expect = { status = [404], not_contains = ["DEBUG = True"] }
"#;

/// Lets two readers and a stranger look at what the toggle asks for, and at what is personal.
pub(super) fn look(
    info: &StackInfo,
    comparison: &Comparison,
    bench: &Bench<'_>,
) -> Result<Vec<Mixed>, String> {
    let mut paths: Vec<String> = match &comparison.requests {
        Requests::Routes(routes) => routes.iter().filter(|route| !route.contains('{')).cloned().collect(),
        _ => Vec::new(),
    };
    for path in PERSONAL {
        if !paths.iter().any(|known| known == path) {
            paths.push(path.to_owned());
        }
    }
    let plan = ApartPlan {
        base_url: info.base_url.clone(),
        host_header: info.host_header.clone(),
        via: info.via.clone(),
        paths,
        login: LoginForm {
            path: "/accounts/login/".to_owned(),
            name_field: "username".to_owned(),
            password_field: "password".to_owned(),
            password: PASSWORD.to_owned(),
        },
        readers: READERS.map(str::to_owned),
        timeout: TIMEOUT,
    };
    visitors_apart(&plan, &bench.stop.cancel).map_err(|error| error.to_string())
}

/// 1 when the error page shows the settings, 0 when it does not.
pub(super) fn debug_pages(info: &StackInfo, bench: &Bench<'_>) -> Result<f64, String> {
    let scenario = Scenario::parse("no-such-page", NO_SUCH_PAGE).map_err(|error| error.to_string())?;
    let model = LoadModel::Closed { users: 1 };
    let mut plan = PhasePlan::new("no-such-page", model, info.base_url.clone(), vec![(scenario, 1)]);
    plan.host_header.clone_from(&info.host_header);
    plan.via.clone_from(&info.via);
    plan.options.timeout = TIMEOUT;
    let load =
        BlockLoad::new(plan).and_then(|mut load| load.run(Duration::from_millis(100), &bench.stop.cancel));
    let phase = load.map_err(|error| error.to_string())?;
    let shown = phase.outcomes.get(&Outcome::CheckFailed).copied().unwrap_or(0);
    Ok(if shown > 0 { 1.0 } else { 0.0 })
}
