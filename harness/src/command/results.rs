//! Prints the results of a run on stdout, in the selected format.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

use kneepoint_ci::{GateResult, annotations};
use kneepoint_crawler::smoke_lines;
use kneepoint_model::run::names;
use kneepoint_model::site::SiteMap;
use kneepoint_model::summary::Summary;
use kneepoint_reports::{ReportView, render};

use crate::cli::{Common, Format};
use crate::console;
use crate::failure::Failure;
use crate::run::Run;

pub(super) fn print_summary(common: &Common, run: &Run) -> Result<(), Failure> {
    let Some(summary) = run.folder.read_json_if_exists::<Summary>(names::SUMMARY)? else { return Ok(()) };
    match common.format {
        Format::Json => console::print(&serde_json::to_string_pretty(&summary).map_err(Failure::internal)?),
        Format::Human => console::print(&render_for_terminal(run, &summary)?),
        Format::Github => print_for_github(run)?,
    }
    Ok(())
}

fn render_for_terminal(run: &Run, summary: &Summary) -> Result<String, Failure> {
    let facts = run.load_facts()?;
    let analysis = run.folder.read_json(names::ANALYSIS)?;
    let view = ReportView::build(&facts, &analysis, summary, &[]);
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let mut text = render::terminal(&view, colour);
    let _ = write!(text, "\nreport: {}", run.folder.path(names::REPORT_HTML).display());
    Ok(text)
}

/// Prints annotations, and appends the Markdown report to the step summary, if there is one.
fn print_for_github(run: &Run) -> Result<(), Failure> {
    let facts = run.load_facts()?;
    let analysis = run.folder.read_json(names::ANALYSIS)?;
    let gate: GateResult = run.folder.read_json(names::GATE)?;
    console::print(&annotations(&facts, &analysis, &gate).join("\n"));
    if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY") {
        let report = std::fs::read(run.folder.path(names::REPORT_MD)).map_err(Failure::internal)?;
        let file = std::fs::OpenOptions::new().append(true).create(true).open(&path);
        file.and_then(|mut file| file.write_all(&report))
            .map_err(|e| Failure::internal(format!("cannot write the step summary: {e}")))?;
    }
    Ok(())
}

/// One line a page with pass or fail.
pub(super) fn render_smoke_lines(site: &SiteMap) -> String {
    let mut text = String::new();
    for line in smoke_lines(site) {
        let _ = writeln!(text, "{line}");
    }
    text
}
