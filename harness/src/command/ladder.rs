//! `kneepoint ladder`: climb, or report a stored climb again.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use kneepoint_analysis::ladder::Comparison;
use kneepoint_model::exit::ExitCode;
use kneepoint_model::run::names;
use kneepoint_reports::ladder::{LadderView, render};
use kneepoint_stack::Topology;

use super::{console_of, home, main_job, plan, watchers};
use crate::announce::Announcer;
use crate::cli::{Common, Format, LadderArgs};
use crate::config::{Overrides, PromiseText, Target};
use crate::console;
use crate::failure::Failure;
use crate::ladder::{self, Store};
use crate::signals::Stop;

pub(super) fn ladder(common: &Common, args: &LadderArgs) -> Result<ExitCode, Failure> {
    match &args.report {
        Some(given) => again(common, given.as_deref()),
        None => climb(common, args),
    }
}

fn climb(common: &Common, args: &LadderArgs) -> Result<ExitCode, Failure> {
    let plan = plan(common, &overrides(args)?)?;
    let Target::Reference(part) = &plan.target else {
        return Err(usage(
            "the ladder is climbed with kneepoint's own stack, and [site] url names a site that already runs",
        ));
    };
    let rungs = rungs(&plan.ladder.rungs)?;
    let exporter = watchers::exporter(&plan.report)?;
    let stop = Stop::listen()?;
    let events = Arc::new(Announcer::new(console_of(common)));
    let mut store = Store::create(&plan, part, &rungs, main_job::command_line())?;
    let climb = || ladder::climb(&plan, part, &rungs, &mut store, (&events, &stop));
    let ended = watchers::told(&events, (&args.watch, "kneepoint ladder"), exporter, climb)?;
    let (comparison, view) = ladder::report(&store)?;
    print(common, &store, &comparison, &view)?;
    if let Some(failure) = ended {
        console::complain(&failure.message);
        return Ok(failure.exit);
    }
    Ok(exit(&store, &comparison))
}

fn again(common: &Common, given: Option<&Path>) -> Result<ExitCode, Failure> {
    let store = Store::open(&home(common)?, given)?;
    let (comparison, view) = ladder::report(&store)?;
    print(common, &store, &comparison, &view)?;
    Ok(exit(&store, &comparison))
}

/// Every rung that was asked for has a figure, or the exit code says that not all have.
fn exit(store: &Store, comparison: &Comparison) -> ExitCode {
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
            "topologies are the rungs themselves: write their names, e.g. kneepoint ladder gunicorn nginx",
        ));
    }
    let promise = args.slo.as_deref().map(PromiseText::parse).transpose();
    Ok(Overrides {
        users: args.users,
        otlp: args.watch.otlp.clone(),
        rungs: args.rungs.clone(),
        promise: promise.map_err(|why| usage(format!("--slo: {why}")))?.map(|text| text.0),
        equal_rate: args.rate.as_deref().map(main_job::rate).transpose()?,
        ..main_job::stack(&args.stack)
    })
}

/// The rungs of these names, lowest first, each once; all without names.
fn rungs(asked: &[String]) -> Result<Vec<Topology>, Failure> {
    let all = Topology::ladder().map_err(Failure::internal)?;
    if let Some(unknown) = asked.iter().find(|name| all.iter().all(|rung| rung.name != **name)) {
        let known: Vec<&str> = all.iter().map(|rung| rung.name.as_str()).collect();
        return Err(usage(format!("`{unknown}` is no rung of the ladder; there are: {}", known.join(", "))));
    }
    Ok(all.into_iter().filter(|rung| asked.is_empty() || asked.contains(&rung.name)).collect())
}

fn usage(text: impl std::fmt::Display) -> Failure {
    Failure::new(ExitCode::Usage, text)
}

fn print(common: &Common, store: &Store, comparison: &Comparison, view: &LadderView) -> Result<(), Failure> {
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
            rungs(&asked).expect("known").into_iter().map(|rung| rung.name).collect()
        };
        assert_eq!(names(&["nginx", "runserver", "nginx"]), ["runserver", "nginx"]);
        assert_eq!(names(&[]).len(), 10);
    }

    #[test]
    fn an_unknown_rung_is_refused_with_those_that_there_are() {
        let refused = rungs(&["ngnix".to_owned()]).expect_err("refused");
        assert_eq!(refused.exit, ExitCode::Usage);
        assert!(refused.message.contains("`ngnix`") && refused.message.contains("balanced-lb"), "{refused}");
    }
}
