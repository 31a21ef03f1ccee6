//! One phase of load from Rust, without the harness: `phase closed:8|open:200 http://127.0.0.1:8000 SECONDS PATH|NAME…`.
//!
//! PATH is asked for again and again without pause; NAME is a scenario of the library. Prints the figures as JSON.

#![expect(clippy::print_stdout, reason = "an example that is run by hand shows what it measured")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use kneepoint_loadgen::{PhasePlan, run_phase};
use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::{EventSink, Silent};
use kneepoint_model::load::LoadModel;
use kneepoint_model::run::RunFolder;
use kneepoint_model::units::PerSecond;
use kneepoint_scenarios::Scenario;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut next = |what: &str| args.next().ok_or_else(|| format!("{what} is missing"));
    let model = next("closed:USERS or open:RATE")?;
    let (base, seconds) = (next("base URL")?, next("seconds")?.parse()?);
    let mut scenarios = Vec::new();
    while let Ok(name) = next("scenario") {
        let scenario = if name.starts_with('/') {
            Scenario::parse("argument", &format!("name = \"get\"\n[[step]]\npath = \"{name}\"\n"))?
        } else {
            Scenario::from_library(&name)?
        };
        let weight = scenario.weight();
        scenarios.push((scenario, weight));
    }
    let model = match model.split_once(':') {
        Some(("closed", users)) => LoadModel::Closed { users: users.parse()? },
        Some(("open", rate)) => LoadModel::Open { rate: PerSecond(rate.parse()?) },
        _ => return Err("the model is closed:USERS or open:RATE".into()),
    };
    let folder = std::env::temp_dir().join("kneepoint-example");
    let run = RunFolder::create(&folder, "phase")?;
    let mut plan = PhasePlan::new("example", model, base.parse()?, scenarios);
    plan.warmup = Duration::from_secs(1);
    plan.duration = Duration::from_secs(seconds);
    plan.think_scale = std::env::var("THINK").ok().and_then(|text| text.parse().ok()).unwrap_or(1.0);
    let events: Arc<dyn EventSink> = Arc::new(Silent);
    let mut phase = run_phase(&plan, &run, &Cancel::new(), &events)?;
    phase.curve.clear();
    phase.seconds.clear();
    phase.exemplars.retain(|exemplar| !exemplar.outcome.is_ok());
    println!("{}", serde_json::to_string_pretty(&phase)?);
    Ok(())
}
