//! What can be measured on this machine, found out by trying: for `kneepoint doctor`.
//!
//! A check that fails says why and gives one line that mends it. Takes less than two seconds; starts `perf` and `sleep`
//! for a moment and leaves nothing behind.

mod checks;
mod permission;

/// One thing that can be measured here, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// What.
    pub name: String,
    /// Whether it works.
    pub ok: bool,
    /// How it was found out, or what is in the way.
    pub why: String,
    /// The command or setting that mends it; empty when nothing needs mending.
    pub fix: String,
}

impl Capability {
    fn yes(name: &str, why: impl Into<String>) -> Self {
        Self { name: name.to_owned(), ok: true, why: why.into(), fix: String::new() }
    }

    fn no(name: &str, why: impl Into<String>, fix: &str) -> Self {
        Self { name: name.to_owned(), ok: false, why: why.into(), fix: fix.to_owned() }
    }
}

/// Tries everything.
pub fn capabilities() -> Vec<Capability> {
    vec![
        checks::processes(),
        checks::run_queue(),
        checks::pressure(),
        checks::proportional_memory(),
        checks::control_groups(),
        permission::python_stacks(),
        permission::perf_program(),
        permission::perf_paranoid(),
        permission::perf_trial(),
    ]
}
