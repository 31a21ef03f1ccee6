//! Report: results for people and programs → `summary.json`, `report.html`, `report.md`, `junit.xml`, `metrics.txt`,
//! `load/*.csv`.

use kneepoint_analysis::{Analysis, RunFacts, summarise};
use kneepoint_ci::{GateResult, junit};
use kneepoint_model::run::{RunFolder, names};
use kneepoint_model::stage::Stage;
use kneepoint_reports::{Flame, ReportView, render};

use crate::failure::Failure;
use crate::run::Run;

pub(crate) fn report(
    facts: &RunFacts,
    analysis: &Analysis,
    gate: &GateResult,
    run: &mut Run,
) -> Result<(), Failure> {
    let summary = summarise(facts, analysis, &gate.verdict, &gate.assertions);
    run.folder.write_json(names::SUMMARY, &summary)?;
    let view = ReportView::build(facts, analysis, &summary, &load_flame_graphs(facts, &run.folder));
    run.folder.write(names::REPORT_HTML, render::html(&view).map_err(Failure::internal)?.as_bytes())?;
    run.folder.write(names::REPORT_MD, render::markdown(&view).as_bytes())?;
    run.folder.write(names::OPENMETRICS, render::openmetrics(&facts.phases).as_bytes())?;
    run.folder.write(names::SECONDS_CSV, render::seconds_csv(&facts.phases).as_bytes())?;
    run.folder.write(names::ENDPOINTS_CSV, render::endpoints_csv(&facts.phases).as_bytes())?;
    run.folder.write(names::JUNIT, junit(facts, analysis, gate).map_err(Failure::internal)?.as_bytes())?;
    run.note(Stage::Report, run.folder.path(names::REPORT_HTML).display().to_string());
    Ok(())
}

/// Flame graphs of the profile stage; one that cannot be read is left out of the report.
fn load_flame_graphs(facts: &RunFacts, folder: &RunFolder) -> Vec<Flame> {
    let entries = facts.profiles.iter().flat_map(|index| &index.profiles);
    entries
        .filter_map(|entry| {
            let path = folder.path(&names::flame_graph(&entry.file));
            let svg = std::fs::read_to_string(path).ok()?;
            Some(Flame { tier: entry.tier, view: entry.view, title: entry.file.clone(), svg })
        })
        .collect()
}
