//! `report`, `gate`, `history`: work on stored runs, without a stack.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kneepoint_model::exit::ExitCode;
use kneepoint_model::manifest::Manifest;
use kneepoint_model::run::{RunFolder, names};
use kneepoint_model::summary::Summary;

use super::{absolute_home, load_plan, new_console, results};
use crate::announce::Announcer;
use crate::cli::{Common, Format};
use crate::config::{FailOn, Overrides};
use crate::console;
use crate::failure::Failure;
use crate::pipeline;
use crate::run::Run;
use crate::signals::Shutdown;

pub(super) fn report(common: &Common, given: Option<&Path>) -> Result<ExitCode, Failure> {
    conclude(common, given, None)
}

pub(super) fn gate(
    common: &Common,
    given: Option<&Path>,
    fail_on: Option<FailOn>,
) -> Result<ExitCode, Failure> {
    conclude(common, given, fail_on)
}

fn conclude(common: &Common, given: Option<&Path>, fail_on: Option<FailOn>) -> Result<ExitCode, Failure> {
    let folder = open_run(common, given)?;
    let plan = load_plan(common, &Overrides { fail_on, ..Overrides::default() })?;
    let manifest: Manifest =
        folder.read_json(names::MANIFEST).map_err(|e| Failure::new(ExitCode::Usage, e))?;
    let events = Arc::new(Announcer::new(new_console(common)));
    let mut run = Run::reopen(folder, manifest, events, Shutdown::listen()?);
    let exit = pipeline::conclude_stored_run(&plan, &mut run)?;
    results::print_summary(common, &run)?;
    Ok(exit)
}

fn open_run(common: &Common, given: Option<&Path>) -> Result<RunFolder, Failure> {
    let path = match given {
        Some(path) => path.to_owned(),
        None => run_folders(common)?.pop().ok_or_else(|| {
            Failure::new(
                ExitCode::Usage,
                format!("no run under {} yet; start one with: kneepoint run", common.home.display()),
            )
        })?,
    };
    RunFolder::open(&path).map_err(|e| {
        Failure::new(
            ExitCode::Usage,
            format!("{} is not a run folder ({e}); list them with: kneepoint history", path.display()),
        )
    })
}

/// Run folders, oldest first: a name begins with the time.
fn run_folders(common: &Common) -> Result<Vec<PathBuf>, Failure> {
    let folder = absolute_home(common)?.join(names::RUNS);
    let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(Vec::new()) };
    let mut paths: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join(names::MANIFEST).is_file())
        .collect();
    paths.sort();
    Ok(paths)
}

pub(super) fn list_runs(common: &Common) -> Result<ExitCode, Failure> {
    let mut text = String::new();
    let mut values = Vec::new();
    for path in run_folders(common)? {
        let folder = RunFolder::open(&path)?;
        let summary: Option<Summary> = folder.read_json_if_exists(names::SUMMARY).unwrap_or(None);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match &summary {
            Some(summary) => {
                let best = summary
                    .load
                    .iter()
                    .map(|l| format!("{} {:.0} req/s p95 {}", l.phase, l.achieved_rps.0, l.response_us.p95));
                let _ = writeln!(
                    text,
                    "{name}  {:<13} {}",
                    summary.verdict.status.label(),
                    best.collect::<Vec<_>>().join(" · ")
                );
            }
            None => {
                let _ = writeln!(text, "{name}  incomplete    kneepoint report {}", path.display());
            }
        }
        values.push(serde_json::json!({ "run_id": name, "verdict": summary.map(|s| s.verdict) }));
    }
    if common.format == Format::Json {
        console::print(&serde_json::to_string_pretty(&values).map_err(Failure::internal)?);
    } else if values.is_empty() {
        console::print("no runs yet; start one with: kneepoint run");
    } else {
        console::print(&text);
    }
    Ok(ExitCode::Ok)
}
