//! One phase of load from Rust, without the harness:
//! `phase closed:8|block:8|open:200 http://127.0.0.1:8000 SECONDS PATH|FILE.toml|NAME…`.
//!
//! PATH is requested again and again without pause; NAME is a scenario of the library. `closed` runs on goose, `block` has the
//! same users without it. Prints the figures as JSON. WARMUP (seconds), THINK (a factor) and MAX_IN_FLIGHT change the plan.

#![expect(clippy::print_stdout, reason = "an example that is run by hand shows what it measured")]

use std::error::Error;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use kneepoint_loadgen::{BlockLoad, PhasePlan, run_phase};
use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::{EventSink, NullEventSink};
use kneepoint_model::load::LoadModel;
use kneepoint_model::run::RunFolder;
use kneepoint_model::units::PerSecond;
use kneepoint_scenarios::Scenario;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut next = |what: &str| args.next().ok_or_else(|| format!("{what} is missing"));
    let model = next("closed:USERS, block:USERS or open:RATE")?;
    let (base, seconds) = (next("base URL")?, next("seconds")?.parse()?);
    let mut scenarios = Vec::new();
    while let Ok(name) = next("scenario") {
        let scenario = if std::path::Path::new(&name).extension().is_some_and(|extension| extension == "toml")
        {
            Scenario::load(name.as_ref())?
        } else if name.starts_with('/') {
            Scenario::parse("argument", &format!("name = \"get\"\n[[step]]\npath = \"{name}\"\n"))?
        } else {
            Scenario::from_library(&name)?
        };
        let weight = scenario.weight();
        scenarios.push((scenario, weight));
    }
    let (kind, size) = model.split_once(':').ok_or("the model is closed:USERS, block:USERS or open:RATE")?;
    let model = match kind {
        "closed" | "block" => LoadModel::Closed { users: size.parse()? },
        "open" => LoadModel::Open { rate: PerSecond(size.parse()?) },
        _ => return Err("the model is closed:USERS, block:USERS or open:RATE".into()),
    };
    let mut plan = PhasePlan::new("example", model, base.parse()?, scenarios);
    plan.warmup = Duration::try_from_secs_f64(variable("WARMUP", 1.0))?;
    plan.duration = Duration::from_secs(seconds);
    plan.options.think_scale = variable("THINK", 1.0);
    plan.options.max_in_flight = variable("MAX_IN_FLIGHT", plan.options.max_in_flight);
    let mut phase = if kind == "block" {
        BlockLoad::new(plan)?.run(Duration::from_secs(seconds), &Cancel::new())?
    } else {
        let run = RunFolder::create(&std::env::temp_dir().join("kneepoint-example"), "phase")?;
        let events: Arc<dyn EventSink> = Arc::new(NullEventSink);
        run_phase(&plan, &run, &Cancel::new(), &events)?
    };
    phase.curve.clear();
    phase.seconds.clear();
    phase.exemplars.retain(|exemplar| !exemplar.outcome.is_ok());
    let mut shown = serde_json::to_value(&phase)?;
    shown["max_resident_mib"] = max_resident_mib().into();
    println!("{}", serde_json::to_string_pretty(&shown)?);
    Ok(())
}

fn variable<T: FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The peak resident memory of this process, as the kernel reports it.
fn max_resident_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}
