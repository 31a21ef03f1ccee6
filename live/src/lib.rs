//! What is shown and sent while a run goes on: the full-screen view (`--watch`) and metrics by OTLP (`--otlp`).
//!
//! Both only display what `kneepoint_model::live` describes; they measure nothing. Producers never wait for them: each has
//! a bounded queue and a thread of its own, and a failing terminal or collector does not fail the run.

mod otlp;
#[cfg(test)]
mod test_seconds;
mod view;

pub use otlp::{ExportSummary, Exporter, headers_from_env, metrics_endpoint};
pub use view::{CpuUsage, Update, View, restore_terminal};
