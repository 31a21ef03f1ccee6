//! Finds out by trial what can be measured on this machine, for `kneepoint doctor`.
//!
//! A failed check reports the reason and a one-line fix. Takes less than two seconds; starts `perf` and `sleep`
//! briefly and leaves nothing behind.

mod checks;
mod permission;

/// Result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// Name of the measurement.
    pub name: String,
    /// True when it can be measured here.
    pub ok: bool,
    /// How the check found out, or what prevents the measurement.
    pub why: String,
    /// Command or setting that fixes it; empty when nothing is to fix.
    pub fix: String,
}

impl Capability {
    fn available(name: &str, why: impl Into<String>) -> Self {
        Self { name: name.to_owned(), ok: true, why: why.into(), fix: String::new() }
    }

    fn missing(name: &str, why: impl Into<String>, fix: &str) -> Self {
        Self { name: name.to_owned(), ok: false, why: why.into(), fix: fix.to_owned() }
    }
}

/// Runs all checks.
pub fn capabilities() -> Vec<Capability> {
    vec![
        checks::check_process_cpu(),
        checks::check_run_queue(),
        checks::check_pressure(),
        checks::check_proportional_memory(),
        checks::check_control_groups(),
        permission::check_python_stacks(),
        permission::check_perf_installed(),
        permission::check_perf_paranoid(),
        permission::check_perf_trial(),
    ]
}
