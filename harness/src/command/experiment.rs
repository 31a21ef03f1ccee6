//! `kneepoint experiment`: advice put to the test, and the table of what it did here.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::sync::Arc;

use kneepoint_model::exit::ExitCode;
use kneepoint_model::experiment::ExperimentFile;
use kneepoint_model::run::{FORMAT_VERSION, RunFolder, names};
use kneepoint_stack::toggle::{Test, Toggle};

use super::{console_of, main_job};
use crate::announce::Announcer;
use crate::cli::{Common, ExperimentArgs, Format};
use crate::config::{Overrides, Plan, Target};
use crate::console;
use crate::experiment::{self, Bench, Book, check_requests, exit_of};
use crate::failure::Failure;
use crate::host;
use crate::run::{self, ignore_itself};
use crate::signals::Stop;

pub(super) fn experiment(common: &Common, args: &ExperimentArgs) -> Result<ExitCode, Failure> {
    if args.list {
        console::print(&list(&all()?));
        return Ok(ExitCode::Ok);
    }
    let toggles = chosen(args)?;
    let plan = super::plan(common, &overrides(args))?;
    let Target::Reference(stack) = &plan.target else {
        return Err(Failure::new(
            ExitCode::Usage,
            "experiments change what they measure, so they need the reference stack; leave [site] url out",
        ));
    };
    ignore_itself(&plan.home)?;
    let stop = Stop::listen()?;
    let events = Arc::new(Announcer::new(console_of(common)));
    let (id, started) = now();
    let folder = RunFolder::bare(plan.home.join(names::EXPERIMENTS).join(&id));
    // The first file makes the folder.
    let mut book = Book::begin(file(id, started, &plan, stack.driver.name()), folder.clone())?;
    events.keep_in(&book.file().id, folder.append(names::EVENTS)?);
    let bench = Bench {
        part: &plan.experiment,
        stack,
        home: &plan.home,
        folder: &folder,
        stop: &stop,
        events: &events,
    };
    let ended = experiment::all(&toggles, &bench, &mut book);
    let report = book.close(ended.is_ok())?;
    print(common, &folder, &book, &report)?;
    match ended {
        Ok(()) => Ok(exit_of(&book.file().toggles, book.missing(), !args.all)),
        Err(failure) => Err(failure),
    }
}

fn print(
    common: &Common,
    folder: &RunFolder,
    book: &Book,
    report: &kneepoint_reports::ExperimentReport,
) -> Result<(), Failure> {
    match common.format {
        Format::Json => {
            console::print(&serde_json::to_string_pretty(book.file()).map_err(Failure::internal)?);
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
    let stack = main_job::stack(&args.stack);
    Overrides { pairs: args.pairs, block: args.block, ..stack }
}

fn all() -> Result<Vec<Toggle>, Failure> {
    Toggle::all().map_err(|error| crate::stage::up::failure(&error))
}

/// What was asked for, each once, in the order asked; everything with `--all`.
fn chosen(args: &ExperimentArgs) -> Result<Vec<Toggle>, Failure> {
    let toggles = if args.all {
        all()?
    } else {
        let mut names: Vec<&String> = Vec::new();
        for name in &args.toggles {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let read: Result<Vec<Toggle>, _> = names.into_iter().map(|name| Toggle::named(name)).collect();
        read.map_err(|error| crate::stage::up::failure(&error))?
    };
    if toggles.is_empty() {
        return Err(Failure::new(
            ExitCode::Usage,
            "which advice? name some, e.g. kneepoint experiment proxy-cache select-related; --list shows them, --all runs all",
        ));
    }
    for toggle in &toggles {
        if let Test::Pairs(comparison) = &toggle.test {
            check_requests(toggle, comparison).map_err(|why| Failure::new(ExitCode::Internal, why))?;
        }
    }
    Ok(toggles)
}

fn list(toggles: &[Toggle]) -> String {
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
    let _ = write!(text, "\n{} pieces of advice. kneepoint experiment NAME… · --all", toggles.len());
    text
}

/// A name for what began now, and when that was.
fn now() -> (String, String) {
    let now = jiff::Timestamp::now();
    (run::id(now), now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn file(id: String, started: String, plan: &Plan, driver: &str) -> ExperimentFile {
    ExperimentFile {
        format_version: FORMAT_VERSION,
        id,
        kneepoint: env!("CARGO_PKG_VERSION").to_owned(),
        started,
        command: main_job::command_line(),
        host: host::describe(),
        driver: driver.to_owned(),
        versions: std::collections::BTreeMap::new(),
        seed: plan.seed,
        size: plan.experiment.size.name().to_owned(),
        toggles: Vec::new(),
        lost_update: None,
        manoeuvres: Vec::new(),
        complete: false,
    }
}
