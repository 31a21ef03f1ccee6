//! Warm-up: requests the important pages until response times are steady, so that the load does not measure the
//! start.

mod page_weights;
mod plan;
mod rounds;
mod steady_state;

pub(crate) use page_weights::page_weights;
pub use page_weights::warm_order;
pub use plan::WarmPlan;
pub use rounds::warm;
pub use steady_state::is_steady;
