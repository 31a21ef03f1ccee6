//! `kneepoint init`: writes the default `kneepoint.toml` with its comments.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};

use kneepoint_model::exit::ExitCode;

use crate::config;
use crate::console;
use crate::failure::Failure;

pub(super) fn write_config(force: bool) -> Result<ExitCode, Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let mut file = options.open(config::FILE).map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists => Failure::new(
            ExitCode::Usage,
            format!("{} already exists; overwrite it with: kneepoint init --force", config::FILE),
        ),
        _ => Failure::new(ExitCode::MissingTool, format!("cannot write {}: {e}", config::FILE)),
    })?;
    file.write_all(config::DEFAULT.as_bytes()).map_err(Failure::internal)?;
    console::print(&format!("wrote {} with every key and its default. Next: kneepoint run", config::FILE));
    Ok(ExitCode::Ok)
}
