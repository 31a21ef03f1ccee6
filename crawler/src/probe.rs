//! Probe: measures each route in isolation before any load: its cost, how its queries grow, whether it may be cached.

mod cache_bypass_reason;
mod least_squares;
mod n_plus_one_test;
mod plan;
mod probe_client;
mod route_cost;
mod route_selection;
mod row_count;
mod stage;
mod statements;
mod two_user_test;

pub use least_squares::{FittedLine, least_squares};
pub use plan::ProbePlan;
pub use stage::probe;
