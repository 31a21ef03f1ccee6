//! Gate: assertions, verdict, JUnit and annotations.
//!
//! The sentence: [`slo`] reads what is promised and refuses what cannot be checked, before the run; [`judge`] holds the
//! promises against an analysis, after it; [`junit`] and [`annotations`] tell CI systems. Pure: nothing here reads or
//! writes files.

pub mod annotations;
mod gate;
pub mod judge;
pub mod junit;
pub mod measure;
pub mod plan;
pub mod slo;

pub use annotations::annotations;
pub use gate::GateResult;
pub use judge::judge;
pub use junit::{JunitError, junit};
pub use plan::{PlanError, SloPlan, check_endpoints};
pub use slo::{Assertion, Comparison, Limit, Scale, SloError};

#[cfg(test)]
mod hand;
