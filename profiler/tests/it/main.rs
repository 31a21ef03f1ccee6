//! Tests the profiler on real processes: this one, Python workers, native programs, small servers.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, also in its helpers")]

mod cost;
mod endpoint;
mod export;
mod mysql;
mod native;
mod own_process;
mod profile_all;
mod python;
mod resource_window;
mod sampler;
mod workload;
