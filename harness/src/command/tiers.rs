//! `engine`, `objects`: tiers of the reference stack that this program runs itself, when it is built with them.

use std::net::SocketAddr;
use std::path::PathBuf;

use kneepoint_model::exit::ExitCode;

use crate::failure::Failure;

#[cfg(feature = "reference-tiers")]
pub(super) fn run_engine(listen: SocketAddr, books: PathBuf) -> Result<ExitCode, Failure> {
    kneepoint_engine::main_blocking(kneepoint_engine::EngineConfig { listen, books })
        .map_err(|e| Failure::new(ExitCode::StackFailed, e))?;
    Ok(ExitCode::Ok)
}

#[cfg(feature = "reference-tiers")]
pub(super) fn run_objects(listen: SocketAddr, folder: PathBuf) -> Result<ExitCode, Failure> {
    let keys = kneepoint_objects::Keys::from_variables(|name| std::env::var(name).ok())
        .map_err(|e| Failure::new(ExitCode::Usage, e))?;
    kneepoint_objects::main_blocking(kneepoint_objects::ObjectsConfig { listen, folder, keys })
        .map_err(|e| Failure::new(ExitCode::StackFailed, e))?;
    Ok(ExitCode::Ok)
}

#[cfg(not(feature = "reference-tiers"))]
pub(super) fn run_engine(_listen: SocketAddr, _books: PathBuf) -> Result<ExitCode, Failure> {
    Err(crate::stage::reference::not_built())
}

#[cfg(not(feature = "reference-tiers"))]
pub(super) fn run_objects(_listen: SocketAddr, _folder: PathBuf) -> Result<ExitCode, Failure> {
    Err(crate::stage::reference::not_built())
}
