//! `kneepoint-engine --listen 127.0.0.1:8300 --books books.jsonl`: the engine on its own, for containers.
//!
//! Thin on purpose: the same code is the hidden `kneepoint engine` subcommand, and option parsing lives in the harness.

use std::path::PathBuf;
use std::process::ExitCode;

use kneepoint_engine::{EngineConfig, main_blocking};

const USAGE: &str = "usage: kneepoint-engine --listen ADDRESS:PORT --books FILE.jsonl";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let config = match parse(&arguments) {
        Ok(config) => config,
        Err(reason) => return complain(&format!("{reason}\n{USAGE}"), 2),
    };
    match main_blocking(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error.to_string(), 1),
    }
}

fn parse(arguments: &[String]) -> Result<EngineConfig, String> {
    let (mut listen, mut books) = (None, None);
    for pair in arguments.chunks(2) {
        match pair {
            [key, value] if key == "--listen" => {
                let address = value.parse().map_err(|_| format!("`{value}` is not ADDRESS:PORT"))?;
                listen = Some(address);
            }
            [key, value] if key == "--books" => books = Some(PathBuf::from(value)),
            [other, ..] => return Err(format!("unknown or incomplete option `{other}`")),
            [] => {}
        }
    }
    let listen = listen.ok_or("--listen is missing")?;
    Ok(EngineConfig { listen, books: books.ok_or("--books is missing")? })
}

#[expect(clippy::print_stderr, reason = "a command tells why it ended on stderr")]
fn complain(reason: &str, code: u8) -> ExitCode {
    eprintln!("kneepoint-engine: {reason}");
    ExitCode::from(code)
}
