//! Warm: ask for the pages that matter until their times are flat, so that the load measures the site and not its start.

mod flat;
mod order;
mod plan;
mod rounds;

pub use flat::is_flat;
pub use order::warm_order;
pub(crate) use order::weights;
pub use plan::WarmPlan;
pub use rounds::warm;
