//! One function a command: arguments become a plan, the stages run, and results go to stdout.

mod doctor;
mod experiment;
mod import;
mod init;
mod ladder;
mod live_output;
mod report;
mod results;
mod run;
mod stack;
mod tiers;

use std::path::PathBuf;

use clap::CommandFactory as _;
use kneepoint_model::exit::ExitCode;

use crate::cli::{Cli, Command, Common, SchemaName};
use crate::config::{self, Overrides, Plan, Target};
use crate::console::{self, Console, Verbosity};
use crate::failure::Failure;
use crate::pipeline::StageSet;
use crate::stage::reference;

/// Runs the command of the command line.
pub(crate) fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    let common = &cli.common;
    match cli.command {
        Command::Run(args) => run::run(common, &args, StageSet::ALL),
        Command::Load(args) => run::run(common, &args, StageSet::LOAD),
        Command::Profile(args) => run::run(common, &args, StageSet::PROFILE),
        Command::Smoke(target) => run::smoke(common, &target),
        Command::Warm { target, print_cron, every } => {
            run::warm(common, &target, print_cron.then_some(every))
        }
        Command::Init { force } => init::write_config(force),
        Command::Doctor => doctor::check_machine(common),
        Command::Up(args) => stack::up(common, &args),
        Command::Down { all } => stack::down(common, all),
        Command::Status => stack::status(common),
        Command::Ladder(args) => ladder::run_or_report(common, &args),
        Command::Report { run } => report::report(common, run.as_deref()),
        Command::Gate { run, fail_on } => report::gate(common, run.as_deref(), fail_on),
        Command::Experiment(args) => experiment::run(common, &args),
        Command::Import(args) => import::import_scenario(&args),
        Command::History => report::list_runs(common),
        Command::Schema { which } => print_schema(which),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "kneepoint", &mut script);
            console::print(&String::from_utf8_lossy(&script));
            Ok(ExitCode::Ok)
        }
        Command::Engine { listen, books } => tiers::run_engine(listen, books),
        Command::Objects { listen, folder } => tiers::run_objects(listen, folder),
        Command::Clean { project, logs } => {
            kneepoint_stack::compose::clean(&project, &logs)?;
            Ok(ExitCode::Ok)
        }
        Command::Watchdog => {
            kneepoint_process::watchdog::main(std::io::stdin());
            Ok(ExitCode::Ok)
        }
    }
}

fn print_schema(which: SchemaName) -> Result<ExitCode, Failure> {
    let schema = match which {
        SchemaName::Summary => schemars::schema_for!(kneepoint_model::summary::Summary),
        SchemaName::Manifest => schemars::schema_for!(kneepoint_model::manifest::Manifest),
        SchemaName::Site => schemars::schema_for!(kneepoint_model::site::SiteMap),
    };
    console::print(&serde_json::to_string_pretty(&schema).map_err(Failure::internal)?);
    Ok(ExitCode::Ok)
}

/// Reads the configuration file and applies the flags.
fn load_plan(common: &Common, overrides: &Overrides) -> Result<Plan, Failure> {
    let file = config_file(common);
    let plan = config::load(file.as_deref(), &absolute_home(common)?, overrides)
        .map_err(|e| Failure::new(ExitCode::Usage, e))?;
    match &plan.target {
        Target::Reference(part) => reference::check(part, &plan.home)?,
        Target::Site(_) => {}
    }
    Ok(plan)
}

fn config_file(common: &Common) -> Option<PathBuf> {
    common.config.clone().or_else(|| config::find(&std::env::current_dir().ok()?))
}

/// The `.kneepoint` folder; absolute, because services run in other folders.
fn absolute_home(common: &Common) -> Result<PathBuf, Failure> {
    std::path::absolute(&common.home).map_err(|e| Failure::new(ExitCode::Usage, format!("--home: {e}")))
}

fn new_console(common: &Common) -> Console {
    Console::new(match (common.quiet, common.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    })
}
