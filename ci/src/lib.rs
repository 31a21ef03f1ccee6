//! Gate: assertions, verdict, JUnit and annotations.
//!
//! The pipeline: [`slo`] parses assertions and refuses those that cannot be checked, before the run; [`judge`] checks
//! them against an analysis, after the run; [`junit`] and [`annotations`] report to CI systems. Pure: nothing here reads
//! or writes files.

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
pub use limit::{Limit, LimitUnit, Operator};
pub use plan::{PlanError, SloPlan, UnreadableAssertion, check_endpoints, parse_step_assertion};
pub use refusal::{SloError, SloProblem};
pub use slo::Assertion;

#[cfg(test)]
mod fixtures;
