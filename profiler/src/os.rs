//! Thin layer over the system: clocks, small files, the process tree. It only reads; parsing and decisions are
//! elsewhere.

mod clocks;
mod files;
mod process_tree;

pub(crate) use clocks::{KernelUnits, process_cpu, since_boot, thread_cpu, unix_ms};
pub(crate) use files::{ProcReader, exe_name, numbers_in};
pub(crate) use process_tree::{ProcessTree, TreeSnapshot};
