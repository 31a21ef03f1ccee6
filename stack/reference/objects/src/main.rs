//! `kneepoint-objects --listen 127.0.0.1:8400 --folder FOLDER`: the store on its own, for containers.
//!
//! Thin on purpose: the same code is the hidden `kneepoint objects` subcommand, and option parsing lives in the harness.

use std::path::PathBuf;
use std::process::ExitCode;

use kneepoint_objects::{Keys, ObjectsConfig, main_blocking};

const USAGE: &str = "usage: kneepoint-objects --listen ADDRESS:PORT --folder FOLDER";

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

fn parse(arguments: &[String]) -> Result<ObjectsConfig, String> {
    let (mut listen, mut folder) = (None, None);
    for pair in arguments.chunks(2) {
        match pair {
            [key, value] if key == "--listen" => {
                let address = value.parse().map_err(|_| format!("`{value}` is not ADDRESS:PORT"))?;
                listen = Some(address);
            }
            [key, value] if key == "--folder" => folder = Some(PathBuf::from(value)),
            [other, ..] => return Err(format!("unknown or incomplete option `{other}`")),
            [] => {}
        }
    }
    let keys = Keys::from_variables(|name| std::env::var(name).ok()).map_err(|error| error.to_string())?;
    let listen = listen.ok_or("--listen is missing")?;
    Ok(ObjectsConfig { listen, folder: folder.ok_or("--folder is missing")?, keys })
}

#[expect(clippy::print_stderr, reason = "a command tells why it ended on stderr")]
fn complain(reason: &str, code: u8) -> ExitCode {
    eprintln!("kneepoint-objects: {reason}");
    ExitCode::from(code)
}
