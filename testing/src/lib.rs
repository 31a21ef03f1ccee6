//! Test fixtures: hand-made runs for the tests of the other crates.
//!
//! They consist of model types only. The unit tests of `kneepoint-analysis` would see a second copy of its types if this
//! crate depended on it, so [`RunParts`] has the content of a run folder, and [`run_facts!`] turns it into the `RunFacts` of
//! the caller. No crate depends on this one outside its tests.

pub mod bookstore;
pub mod builders;
pub mod gate;
mod parts;
pub mod report;

pub use parts::RunParts;
