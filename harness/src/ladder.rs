//! The climb: the same workload on one topology after the other, and one comparison of them all.
//!
//! `rung after rung: up → smoke → warm → load → down`, each in a run folder of its own; then `compare → report`, which is
//! a pure function of `ladder.json` and those folders. Whatever ends a climb, the rungs that were finished are reported.

mod climb;
mod drive;
mod report;
mod settle;
mod store;

pub(crate) use climb::climb;
pub(crate) use report::report;
pub(crate) use store::Store;
