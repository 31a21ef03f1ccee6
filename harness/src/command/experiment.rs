//! `kneepoint experiment`: tests pieces of advice with and without them, and prints the table of results.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::sync::Arc;

use kneepoint_model::exit::ExitCode;
use kneepoint_model::experiment::ExperimentFile;
use kneepoint_model::run::{FORMAT_VERSION, RunFolder, names};
use kneepoint_stack::toggle::{Test, Toggle};

use super::{new_console, run};
use crate::announce::Announcer;
use crate::cli::{Common, ExperimentArgs, Format};
use crate::config::{Overrides, Plan, Target};
use crate::console;
use crate::experiment::{self, ExperimentContext, ExperimentJournal, check_requests, exit_code};
use crate::failure::Failure;
use crate::host;
use crate::run::{new_run_id, write_gitignore};
use crate::signals::Shutdown;

pub(super) fn run(common: &Common, args: &ExperimentArgs) -> Result<ExitCode, Failure> {
    if args.list {
        console::print(&render_list(&all_toggles()?));
        return Ok(ExitCode::Ok);
    }
    let toggles = select_toggles(args)?;
    let plan = super::load_plan(common, &overrides(args))?;
    let Target::Reference(stack) = &plan.target else {
        return Err(Failure::new(
            ExitCode::Usage,
            "experiments change the stack that they measure, so they need the reference stack; remove [site] url from the configuration",
        ));
    };
    write_gitignore(&plan.home)?;
    let shutdown = Shutdown::listen()?;
    let events = Arc::new(Announcer::new(new_console(common)));
    let (id, started) = new_id_and_start();
    let folder = RunFolder::from_root(plan.home.join(names::EXPERIMENTS).join(&id));
    // Writing the first file creates the folder.
    let mut journal =
        ExperimentJournal::create(new_file(id, started, &plan, stack.driver.name()), folder.clone())?;
    events.record_in(&journal.file().id, folder.append(names::EVENTS)?);
    let context = ExperimentContext {
        part: &plan.experiment,
        stack,
        home: &plan.home,
        folder: &folder,
        shutdown: &shutdown,
        events: &events,
    };
    let ended = experiment::run_all(&toggles, &context, &mut journal);
    let report = journal.finish(ended.is_ok())?;
    print_results(common, &folder, &journal, &report)?;
    match ended {
        Ok(()) => Ok(exit_code(&journal.file().toggles, journal.not_run(), !args.all)),
        Err(failure) => Err(failure),
    }
}

fn print_results(
    common: &Common,
    folder: &RunFolder,
    journal: &ExperimentJournal,
    report: &kneepoint_reports::ExperimentReport,
) -> Result<(), Failure> {
    match common.format {
        Format::Json => {
            console::print(&serde_json::to_string_pretty(journal.file()).map_err(Failure::internal)?);
        }
        Format::Github => console::print(&report.markdown()),
        Format::Human => {
            let stdout = std::io::stdout().is_terminal();
            let colour = stdout && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            let table = report.terminal(colour);
            console::print(&format!("{table}\nreport: {}", folder.path(names::EXPERIMENT_HTML).display()));
        }
    }
    Ok(())
}

fn overrides(args: &ExperimentArgs) -> Overrides {
    let stack = run::stack_overrides(&args.stack);
    Overrides { pairs: args.pairs, block: args.block, ..stack }
}

fn all_toggles() -> Result<Vec<Toggle>, Failure> {
    Ok(Toggle::all()?)
}

/// The named toggles, each once, in the order of the command line; all with `--all`.
fn select_toggles(args: &ExperimentArgs) -> Result<Vec<Toggle>, Failure> {
    let toggles = if args.all {
        all_toggles()?
    } else {
        let mut names: Vec<&String> = Vec::new();
        for name in &args.toggles {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let read: Result<Vec<Toggle>, _> = names.into_iter().map(|name| Toggle::named(name)).collect();
        read?
    };
    if toggles.is_empty() {
        return Err(Failure::new(
            ExitCode::Usage,
            "no toggle is named; write e.g. kneepoint experiment proxy-cache select-related (--list shows them, --all runs all)",
        ));
    }
    for toggle in &toggles {
        if let Test::Pairs(comparison) = &toggle.test {
            check_requests(toggle, comparison).map_err(|why| Failure::new(ExitCode::Internal, why))?;
        }
    }
    Ok(toggles)
}

fn render_list(toggles: &[Toggle]) -> String {
    let width = toggles.iter().map(|toggle| toggle.name.chars().count()).max().unwrap_or(0);
    let (mut text, mut heading) = (String::new(), None);
    for toggle in toggles {
        if heading != Some(toggle.group) {
            heading = Some(toggle.group);
            let _ = writeln!(text, "{}", toggle.group.title());
        }
        let needs: Vec<&str> = toggle.needs.iter().map(|need| need.label()).collect();
        let needs = if needs.is_empty() { String::new() } else { format!(" (needs {})", needs.join(", ")) };
        let _ = writeln!(text, "  {:<width$}  {}{needs}", toggle.name, toggle.advice);
    }
    let _ = write!(
        text,
        "\n{} toggles. Run some: kneepoint experiment NAME…; run all: kneepoint experiment --all",
        toggles.len()
    );
    text
}

/// A run name and a UTC timestamp of the current time.
fn new_id_and_start() -> (String, String) {
    let now = jiff::Timestamp::now();
    (new_run_id(now), now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn new_file(id: String, started: String, plan: &Plan, driver: &str) -> ExperimentFile {
    ExperimentFile {
        format_version: FORMAT_VERSION,
        id,
        kneepoint: env!("CARGO_PKG_VERSION").to_owned(),
        started,
        command: run::command_line(),
        host: host::describe_host(),
        driver: driver.to_owned(),
        versions: std::collections::BTreeMap::new(),
        seed: plan.seed,
        size: plan.experiment.size.name().to_owned(),
        toggles: Vec::new(),
        lost_update: None,
        rollouts: Vec::new(),
        complete: false,
    }
}
