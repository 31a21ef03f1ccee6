//! What each verb does: plans from arguments, a shorter or longer sentence, results on stdout.

mod doctor;
mod experiment;
mod import;
mod init;
mod ladder;
mod main_job;
mod results;
mod standing;
mod stored;
mod watchers;

use std::path::PathBuf;

use clap::CommandFactory as _;
use kneepoint_model::exit::ExitCode;

use crate::cli::{Cli, Common, SchemaName, Verb};
use crate::config::{self, Overrides, Plan, Target};
use crate::console::{self, Console, Loudness};
use crate::failure::Failure;
use crate::pipeline::Asked;
use crate::stage::reference;

/// Does what the command line says.
pub(crate) fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    let common = &cli.common;
    match cli.verb {
        Verb::Run(args) => main_job::run(common, &args, Asked::ALL),
        Verb::Load(args) => main_job::run(common, &args, Asked::LOAD),
        Verb::Profile(args) => main_job::run(common, &args, Asked::PROFILE),
        Verb::Smoke(target) => main_job::smoke(common, &target),
        Verb::Warm { target, print_cron, every } => {
            main_job::warm(common, &target, print_cron.then_some(every))
        }
        Verb::Init { force } => init::init(force),
        Verb::Doctor => doctor::doctor(common),
        Verb::Up(args) => standing::up(common, &args),
        Verb::Down { all } => standing::down(common, all),
        Verb::Status => standing::status(common),
        Verb::Ladder(args) => ladder::ladder(common, &args),
        Verb::Report { run } => stored::report(common, run.as_deref()),
        Verb::Gate { run, fail_on } => stored::gate(common, run.as_deref(), fail_on),
        Verb::Experiment(args) => experiment::experiment(common, &args),
        Verb::Import(args) => import::import(&args),
        Verb::History => stored::history(common),
        Verb::Schema { which } => schema(which),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "kneepoint", &mut script);
            console::print(&String::from_utf8_lossy(&script));
            Ok(ExitCode::Ok)
        }
        Verb::Engine { listen, books } => {
            kneepoint_engine::main_blocking(kneepoint_engine::EngineConfig { listen, books })
                .map_err(|e| Failure::new(ExitCode::StackFailed, e))?;
            Ok(ExitCode::Ok)
        }
        Verb::Objects { listen, folder } => {
            let keys = kneepoint_objects::Keys::from_variables(|name| std::env::var(name).ok())
                .map_err(|e| Failure::new(ExitCode::Usage, e))?;
            kneepoint_objects::main_blocking(kneepoint_objects::ObjectsConfig { listen, folder, keys })
                .map_err(|e| Failure::new(ExitCode::StackFailed, e))?;
            Ok(ExitCode::Ok)
        }
        Verb::Clean { project, logs } => {
            kneepoint_stack::compose::clean(&project, &logs).map_err(|e| crate::stage::up::failure(&e))?;
            Ok(ExitCode::Ok)
        }
        Verb::Watchdog => {
            kneepoint_process::watchdog::main(std::io::stdin());
            Ok(ExitCode::Ok)
        }
    }
}

fn schema(which: SchemaName) -> Result<ExitCode, Failure> {
    let schema = match which {
        SchemaName::Summary => schemars::schema_for!(kneepoint_model::summary::Summary),
        SchemaName::Manifest => schemars::schema_for!(kneepoint_model::manifest::Manifest),
        SchemaName::Site => schemars::schema_for!(kneepoint_model::site::SiteMap),
    };
    console::print(&serde_json::to_string_pretty(&schema).map_err(Failure::internal)?);
    Ok(ExitCode::Ok)
}

/// The plan that file and flags make together.
fn plan(common: &Common, overrides: &Overrides) -> Result<Plan, Failure> {
    let file = config_file(common);
    let plan = config::load(file.as_deref(), &home(common)?, overrides)
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

/// The `.kneepoint` folder as an absolute path: services run elsewhere.
fn home(common: &Common) -> Result<PathBuf, Failure> {
    std::path::absolute(&common.home).map_err(|e| Failure::new(ExitCode::Usage, format!("--home: {e}")))
}

fn console_of(common: &Common) -> Console {
    Console::new(match (common.quiet, common.verbose) {
        (true, _) => Loudness::Quiet,
        (_, true) => Loudness::Verbose,
        _ => Loudness::Normal,
    })
}
