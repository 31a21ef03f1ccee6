//! The only crate that starts programs: with a deadline, with the end of stderr in the error, and everything started is stopped.
//!
//! Three ways to run something, by how long it lives:
//!
//! - [`Program::run`]: a tool that ends by itself (migrations, `perf script`): deadline, captured output, typed errors;
//! - [`Program::start`]: a [`Service`] in its own session (gunicorn, nginx), stopped with all its descendants;
//! - [`Watchdog`]: a second process of the same binary that ends the services when this process was killed.
//!
//! It must not know the programs it runs: no names of tiers, no parsing of a tool's output. Linux only (`/proc`, sessions,
//! `PR_SET_PDEATHSIG`, pidfds).

mod capture;
mod error;
mod program;
mod run;
mod service;
pub mod session;
mod spawn;
mod stat;
pub mod watchdog;

pub use capture::Stream;
pub use error::{Exit, Failure, ProcessError};
pub use program::{Program, find};
pub use run::Output;
pub use service::{Lifetime, Service, StartOptions};
pub use session::{ProcessInfo, SessionId, SessionRef};
pub use stat::{ProcStat, StatError};
pub use watchdog::Watchdog;
