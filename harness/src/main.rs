//! The `kneepoint` command: read the command line, do what it says, exit with the code that belongs to the end.

mod announce;
mod cli;
mod command;
mod config;
mod console;
mod experiment;
mod failure;
mod host;
mod ladder;
mod otlp;
mod pipeline;
mod run;
mod signals;
mod stage;
mod watch;

use clap::Parser as _;

fn main() -> std::process::ExitCode {
    let exit = command::dispatch(cli::Cli::parse()).unwrap_or_else(|failure| {
        console::complain(&failure.message);
        failure.exit
    });
    std::process::ExitCode::from(exit.code())
}
