//! The ladder: the same workload on one topology after the other, and one comparison of them all.
//!
//! Each rung runs `up → smoke → warm → load → down` in a run folder of its own; then `compare → report` is a pure function
//! of `ladder.json` and those folders. Whatever ends a ladder run, the rungs that were finished are reported.

mod report;
mod rung_load;
mod rungs;
mod settle;
mod store;

pub(crate) use report::write_report;
pub(crate) use rungs::run_ladder;
pub(crate) use store::LadderStore;
