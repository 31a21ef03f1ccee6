//! The `kneepoint` command: parses the command line, runs the command, and exits with its code.

mod announce;
mod cli;
mod command;
mod config;
mod console;
mod experiment;
mod failure;
mod host;
mod ladder;
mod pipeline;
mod run;
mod signals;
mod stage;

use clap::Parser as _;

fn main() -> std::process::ExitCode {
    let exit = command::dispatch(cli::Cli::parse()).unwrap_or_else(|failure| {
        console::print_error(&failure.message);
        failure.exit
    });
    std::process::ExitCode::from(exit.code())
}
