//! Load: one step function, one transport, one recorder; two schedulers, closed (goose) and open (ours).
//!
//! [`run_phase`] blocks until a phase is over and returns what it saw; [`recover_phase`] puts together the same from the
//! files that a killed run left. Nothing here prints, and nothing here judges the site: only whether the figures hold.
//!
//! The path of a request: `open` or `closed` decides when → `journey` → `step` → `transport` → `recorder`.

mod answer;
mod assemble;
mod block;
mod closed;
mod coding;
mod cookies;
mod error;
mod health;
mod journey;
mod live;
mod open;
mod pacer;
mod patience;
mod phase;
mod picker;
mod plan;
mod recorder;
mod recover;
mod session;
mod site;
mod stay;
mod step;
mod timer;
mod transport;
mod validity;
mod wake;
mod window;
mod world;

pub use block::BlockLoad;
pub use coding::Coding;
pub use error::LoadError;
pub use pacer::Arrivals;
pub use phase::run_phase;
pub use plan::{PhasePlan, Recorded};
pub use recover::recover_phase;
pub use transport::ReadRate;
pub use validity::{Evidence, judge};
pub use wake::Wake;
