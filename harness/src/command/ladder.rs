//! `kneepoint ladder`: runs the ladder, or reports a stored ladder run again.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use kneepoint_analysis::ladder::Comparison;
use kneepoint_model::exit::ExitCode;
use kneepoint_model::run::names;
use kneepoint_reports::ladder::{LadderView, render};
use kneepoint_stack::Topology;

use super::{absolute_home, live_output, load_plan, new_console, run};
use crate::announce::Announcer;
use crate::cli::{Common, Format, LadderArgs};
use crate::config::{ObjectiveText, Overrides, Target};
use crate::console;
use crate::failure::Failure;
use crate::ladder::{self, LadderStore};
use crate::signals::Shutdown;

pub(super) fn run_or_report(common: &Common, args: &LadderArgs) -> Result<ExitCode, Failure> {
    match &args.report {
        Some(given) => report_stored(common, given.as_deref()),
        None => run_rungs(common, args),
    }
}

fn run_rungs(common: &Common, args: &LadderArgs) -> Result<ExitCode, Failure> {
    let plan = load_plan(common, &overrides(args)?)?;
    let Target::Reference(part) = &plan.target else {
        return Err(usage(
            "the ladder needs the reference stack, and [site] url names a site that already runs; remove it from the configuration",
        ));
    };
    let rungs = select_rungs(&plan.ladder.rungs)?;
    let exporter = live_output::start_exporter(&plan.report)?;
    let shutdown = Shutdown::listen()?;
    let events = Arc::new(Announcer::new(new_console(common)));
    let mut store = LadderStore::create(&plan, part, &rungs, run::command_line())?;
    let work = || ladder::run_ladder(&plan, part, &rungs, &mut store, (&events, &shutdown));
    let ended = live_output::with_live_output(&events, (&args.live, "kneepoint ladder"), exporter, work)?;
    let (comparison, view) = ladder::write_report(&store)?;
    print_comparison(common, &store, &comparison, &view)?;
    if let Some(failure) = ended {
        console::print_error(&failure.message);
        return Ok(failure.exit);
    }
    Ok(exit_code(&store, &comparison))
}

fn report_stored(common: &Common, given: Option<&Path>) -> Result<ExitCode, Failure> {
    let store = LadderStore::open(&absolute_home(common)?, given)?;
    let (comparison, view) = ladder::write_report(&store)?;
    print_comparison(common, &store, &comparison, &view)?;
    Ok(exit_code(&store, &comparison))
}

/// 0 when every requested rung was measured.
fn exit_code(store: &LadderStore, comparison: &Comparison) -> ExitCode {
    if !store.ladder.complete {
        ExitCode::Interrupted
    } else if comparison.all_measured() {
        ExitCode::Ok
    } else {
        ExitCode::Inconclusive
    }
}

fn overrides(args: &LadderArgs) -> Result<Overrides, Failure> {
    if args.stack.topology.is_some() {
        return Err(usage(
            "--topology: the rungs are topologies; write their names instead, e.g. kneepoint ladder gunicorn nginx",
        ));
    }
    let objective = args.slo.as_deref().map(ObjectiveText::parse).transpose();
    Ok(Overrides {
        users: args.users,
        otlp: args.live.otlp.clone(),
        rungs: args.rungs.clone(),
        objective: objective.map_err(|why| usage(format!("--slo: {why}")))?.map(|text| text.0),
        equal_rate: args.rate.as_deref().map(run::parse_rate).transpose()?,
        ..run::stack_overrides(&args.stack)
    })
}

/// The rungs with these names, lowest first, each once; all rungs when there are no names.
fn select_rungs(names: &[String]) -> Result<Vec<Topology>, Failure> {
    let all = Topology::ladder().map_err(Failure::internal)?;
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|rung| rung.name != **name)) {
        let known: Vec<&str> = all.iter().map(|rung| rung.name.as_str()).collect();
        return Err(usage(format!(
            "`{unknown}` is not a rung of the ladder; the rungs are: {}",
            known.join(", ")
        )));
    }
    Ok(all.into_iter().filter(|rung| names.is_empty() || names.contains(&rung.name)).collect())
}

fn usage(text: impl std::fmt::Display) -> Failure {
    Failure::new(ExitCode::Usage, text)
}

fn print_comparison(
    common: &Common,
    store: &LadderStore,
    comparison: &Comparison,
    view: &LadderView,
) -> Result<(), Failure> {
    let text = match common.format {
        Format::Json => serde_json::to_string_pretty(comparison).map_err(Failure::internal)?,
        Format::Human | Format::Github => {
            let colour = common.format == Format::Human
                && std::io::stdout().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
            format!(
                "{}\nreport: {}",
                render::terminal(view, colour),
                store.folder.path(names::LADDER_HTML).display()
            )
        }
    };
    console::print(&text);
    if common.format == Format::Github
        && let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY")
    {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(&path);
        file.and_then(|mut file| file.write_all(render::markdown(view).as_bytes()))
            .map_err(|e| Failure::internal(format!("cannot write the step summary: {e}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_come_lowest_first_and_once() {
        let names = |asked: &[&str]| -> Vec<String> {
            let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
            select_rungs(&asked).expect("known").into_iter().map(|rung| rung.name).collect()
        };
        assert_eq!(names(&["nginx", "runserver", "nginx"]), ["runserver", "nginx"]);
        assert_eq!(names(&[]).len(), 10);
    }

    #[test]
    fn an_unknown_rung_is_refused_with_the_known_ones() {
        let refused = select_rungs(&["ngnix".to_owned()]).expect_err("refused");
        assert_eq!(refused.exit, ExitCode::Usage);
        assert!(refused.message.contains("`ngnix`") && refused.message.contains("balanced-lb"), "{refused}");
    }
}
