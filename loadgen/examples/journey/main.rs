//! Runs a custom journey against a site, and writes a run folder that `kneepoint report` renders:
//! `journey closed:8|open:20|block:8 http://127.0.0.1:8000 SECONDS [FOLDER]`.
//!
//! Prints the figures as JSON. The journey itself is in `shop.rs`; `docs/rust-journeys.md` explains how to write one.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example that is run by hand shows what it measured"
)]

mod shop;

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kneepoint_loadgen::{BlockLoad, Journey, PhasePlan, begin_run, end_run, run_phase};
use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::{EventSink, NullEventSink};
use kneepoint_model::load::LoadModel;
use kneepoint_model::units::PerSecond;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut next = |what: &str| args.next().ok_or_else(|| format!("{what} is missing"));
    let model = next("closed:USERS, open:RATE or block:USERS")?;
    let (base, seconds) = (next("base URL")?, next("seconds")?.parse()?);
    let folder =
        next("folder").map_or_else(|_| std::env::temp_dir().join("kneepoint-journey"), PathBuf::from);
    let (kind, size) = model.split_once(':').ok_or("the model is closed:USERS, open:RATE or block:USERS")?;
    let load = match kind {
        "closed" | "block" => LoadModel::Closed { users: size.parse()? },
        "open" => LoadModel::Open { rate: PerSecond(size.parse()?) },
        _ => return Err("the model is closed:USERS, open:RATE or block:USERS".into()),
    };
    // A mix may contain scenario files too: they are the fourth argument.
    let reader: Arc<dyn Journey> = Arc::new(shop::Reader);
    let mut plan = PhasePlan::new(kind, load, base.parse()?, Vec::new()).with_journeys(vec![(reader, 1)]);
    plan.duration = Duration::from_secs(seconds);

    if kind == "block" {
        let block = BlockLoad::new(plan)?.run(Duration::from_secs(seconds), &Cancel::new())?;
        println!("{}", serde_json::to_string_pretty(&block)?);
        return Ok(());
    }
    let run = begin_run(&folder, &plan)?;
    let events: Arc<dyn EventSink> = Arc::new(NullEventSink);
    let phase = run_phase(&plan, &run, &Cancel::new(), &events)?;
    end_run(&run, std::slice::from_ref(&phase))?;
    println!("{}", serde_json::to_string_pretty(&phase)?);
    eprintln!("kneepoint report {}", run.root().display());
    Ok(())
}
