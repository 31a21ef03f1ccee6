//! A run folder for programs without the harness, so that `kneepoint report` renders their phases.

use std::path::Path;

use kneepoint_model::load::LoadPhase;
use kneepoint_model::manifest::{HostInfo, Manifest, StageRecord};
use kneepoint_model::run::{FORMAT_VERSION, RunFolder, names};
use kneepoint_model::stage::{Stage, StageStatus};
use kneepoint_model::unmeasured::Unmeasured;

use crate::error::LoadError;
use crate::plan::PhasePlan;

/// Creates a run folder below `runs`, named after the current time, with a manifest of the plan. [`crate::run_phase`] then runs
/// phases into it, and [`end_run`] closes it. A folder that was never closed is reported as interrupted.
///
/// # Errors
/// The folder cannot be written.
pub fn begin_run(runs: &Path, plan: &PhasePlan) -> Result<RunFolder, LoadError> {
    let now = jiff::Timestamp::now();
    let run_id = format!("{}-{:04x}", now.strftime("%Y%m%dT%H%M%SZ"), std::process::id() & 0xffff);
    let run = RunFolder::create(runs, &run_id)?;
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        run_id,
        kneepoint: env!("CARGO_PKG_VERSION").to_owned(),
        started: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        // Arguments of another program may contain secrets.
        command: std::env::args().take(1).collect(),
        config: serde_json::Value::Null,
        seed: plan.options.seed,
        commit: None,
        host: HostInfo {
            cores: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            ..HostInfo::default()
        },
        driver: "attach".to_owned(),
        topology: "attach".to_owned(),
        target: plan.site_address(),
        versions: std::collections::BTreeMap::new(),
        stages: Vec::new(),
        unmeasured: vec![Unmeasured {
            what: "resources of the tiers".to_owned(),
            why: "the load came from a program that takes no samples".to_owned(),
            fix: "kneepoint run --attach URL".to_owned(),
        }],
        complete: false,
        stopped_by: None,
    };
    run.write_json(names::MANIFEST, &manifest)?;
    Ok(run)
}

/// Writes the phases and closes the folder.
///
/// # Errors
/// The folder cannot be written, or has no manifest.
pub fn end_run(run: &RunFolder, phases: &[LoadPhase]) -> Result<(), LoadError> {
    for phase in phases {
        run.write_json(&names::load(&phase.name), phase)?;
    }
    let mut manifest: Manifest = run.read_json(names::MANIFEST)?;
    let cut = phases.iter().any(|phase| phase.partial);
    manifest.stages = vec![StageRecord {
        name: Stage::Load,
        status: if cut { StageStatus::Interrupted } else { StageStatus::Done },
        seconds: phases.iter().map(|phase| phase.measured().as_secs_f64()).sum(),
    }];
    manifest.complete = !cut;
    run.write_json(names::MANIFEST, &manifest)?;
    Ok(())
}
