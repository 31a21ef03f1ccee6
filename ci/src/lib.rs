//! Gate: assertions, verdict, JUnit and annotations.
//!
//! The sentence: [`slo`] reads what is promised and refuses what cannot be checked, before the run; [`judge`] holds the
//! promises against an analysis, after it; [`junit`] and [`annotations`] tell CI systems. Pure: nothing here reads or
//! writes files.

pub mod annotations;
mod gate;
pub mod judge;
pub mod junit;
pub mod limit;
pub mod measure;
pub mod plan;
pub mod refusal;
pub mod slo;

pub use annotations::annotations;
pub use gate::GateResult;
pub use judge::judge;
pub use junit::{JunitError, junit};
pub use limit::{Comparison, Limit, Scale};
pub use plan::{PlanError, SloPlan, Unread, check_endpoints, promise};
pub use refusal::{SloError, SloProblem};
pub use slo::Assertion;

#[cfg(test)]
mod hand;
