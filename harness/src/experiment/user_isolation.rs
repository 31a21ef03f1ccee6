//! Checks beside the load: are users isolated from each other, and does an error page show the settings?

use std::time::Duration;

use kneepoint_crawler::{CacheLeak, IsolationPlan, LoginForm, test_user_isolation};
use kneepoint_loadgen::{BlockLoad, PhasePlan};
use kneepoint_model::load::LoadModel;
use kneepoint_model::outcome::Outcome;
use kneepoint_model::stack::StackInfo;
use kneepoint_scenarios::Scenario;
use kneepoint_stack::toggle::{Comparison, Requests};

use super::context::ExperimentContext;

/// Two users of the reference data, and the password that all of them have.
const LOGGED_IN_USERS: [&str; 2] = ["reader0001", "reader0002"];
const PASSWORD: &str = "throw-away-reader";
/// Pages that show who is logged in, or contain a form.
const PERSONAL_PATHS: [&str; 3] = ["/", "/books/7/", "/cart/add/?book=7"];
const TIMEOUT: Duration = Duration::from_secs(8);

/// Asks for a page that does not exist; its error page must not show the settings.
const NO_SUCH_PAGE: &str = r#"
name = "no-such-page"
[[step]]
name = "GET /no-such-page/"
path = "/kneepoint-no-such-page/"
expect = { status = [404], not_contains = ["DEBUG = True"] }
"#;

/// Has two logged-in users and an anonymous one load the pages of the toggle and the personal pages; returns what leaked.
pub(super) fn find_leaks(
    info: &StackInfo,
    comparison: &Comparison,
    context: &ExperimentContext<'_>,
) -> Result<Vec<CacheLeak>, String> {
    let mut paths: Vec<String> = match &comparison.requests {
        Requests::Routes(routes) => routes.iter().filter(|route| !route.contains('{')).cloned().collect(),
        _ => Vec::new(),
    };
    for path in PERSONAL_PATHS {
        if !paths.iter().any(|known| known == path) {
            paths.push(path.to_owned());
        }
    }
    let plan = IsolationPlan {
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
        user_names: LOGGED_IN_USERS.map(str::to_owned),
        timeout: TIMEOUT,
    };
    test_user_isolation(&plan, &context.shutdown.cancel).map_err(|error| error.to_string())
}

/// 1 when the error page shows the settings, else 0.
pub(super) fn count_debug_pages(info: &StackInfo, context: &ExperimentContext<'_>) -> Result<f64, String> {
    let scenario = Scenario::parse("no-such-page", NO_SUCH_PAGE).map_err(|error| error.to_string())?;
    let model = LoadModel::Closed { users: 1 };
    let mut plan = PhasePlan::new("no-such-page", model, info.base_url.clone(), vec![(scenario, 1)]);
    plan.host_header.clone_from(&info.host_header);
    plan.via.clone_from(&info.via);
    plan.options.timeout = TIMEOUT;
    let load = BlockLoad::new(plan)
        .and_then(|mut load| load.run(Duration::from_millis(100), &context.shutdown.cancel));
    let phase = load.map_err(|error| error.to_string())?;
    let shown = phase.outcomes.get(&Outcome::CheckFailed).copied().unwrap_or(0);
    Ok(if shown > 0 { 1.0 } else { 0.0 })
}
