//! The profiler against real processes: this one, Python workers, native programs, small servers. One binary.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, also in its helpers")]

mod burn;
mod cost;
mod endpoint;
mod everything;
mod export;
mod mysql;
mod native;
mod own;
mod python;
mod sampler;
mod stock;
