//! Pure parsers of kernel text: a string in, numbers or `None` out. They never panic, whatever the text.
//!
//! Sources: proc(5) and its per-file pages, Documentation/admin-guide/iostats.rst, Documentation/accounting/psi.rst,
//! and the nginx manual for `stub_status`.

mod fields;
mod host;
mod network;
mod process;
mod stub_status;
#[cfg(test)]
mod tests;

pub(crate) use host::{
    CpuTicks, DiskBytes, available_memory, pressure_some_us, running_processes, swapped_pages,
};
pub(crate) use network::{active_opens, listen_drops, network_bytes, retransmits, time_wait};
pub(crate) use process::{
    IoBytes, PidStat, Switches, innermost_id, proportional_set, run_queue_ns, swapped_bytes,
};
pub(crate) use stub_status::parse_stub_status;
