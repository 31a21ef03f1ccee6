//! `kneepoint-objects --listen 127.0.0.1:8400 --folder FOLDER`: the store as a program of its own, for containers.
//!
//! It reads its options without clap, to keep the image small. `kneepoint objects` (hidden) runs the same code.

use std::path::PathBuf;
use std::process::ExitCode;

use kneepoint_objects::{Keys, ObjectsConfig, SERVICE_NAME, main_blocking};
use kneepoint_service::exit_with_failure;

const USAGE: &str = "usage: kneepoint-objects --listen ADDRESS:PORT --folder FOLDER";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let config = match parse_options(&arguments) {
        Ok(config) => config,
        Err(reason) => return exit_with_failure(SERVICE_NAME, &format_args!("{reason}\n{USAGE}"), 2),
    };
    match main_blocking(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit_with_failure(SERVICE_NAME, &error, 1),
    }
}

fn parse_options(arguments: &[String]) -> Result<ObjectsConfig, String> {
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
