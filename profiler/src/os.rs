//! The thin rim to the system: clocks, small files, the process tree. Everything here reads; nothing is parsed
//! beyond numbers, and nothing is decided.

mod files;
mod sys;
mod tree;

pub(crate) use files::{Reader, exe_name, numbers_in};
pub(crate) use sys::{Sizes, process_cpu, since_boot, thread_cpu, unix_ms};
pub(crate) use tree::{Family, ProcessTree};
