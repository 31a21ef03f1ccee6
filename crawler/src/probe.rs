//! Probe: each route looked at alone, before any load: what it costs, how its queries grow, whether it may be cached.

mod alone;
mod asker;
mod because;
mod choose;
mod line;
mod plan;
mod rows;
mod sizes;
mod stage;
mod statements;
mod visitors;

pub use line::{Line, least_squares};
pub use plan::ProbePlan;
pub use stage::probe;
