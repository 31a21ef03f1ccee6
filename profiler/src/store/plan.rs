//! Which servers to read, and with which credentials.

use std::fmt;

use kneepoint_model::stack::{Instrument, StackInfo};
use kneepoint_model::tier::Tier;

/// A password; `Debug` shows `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a password.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// One server to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreTarget {
    /// Tier that the server belongs to.
    pub tier: Tier,
    /// Address and protocol of the server.
    pub instrument: Instrument,
    /// Password; `None` when the server requires none (the reference stack).
    pub password: Option<Secret>,
}

/// Servers to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorePlan {
    /// Servers in the order of `stack.json`, each once.
    pub targets: Vec<StoreTarget>,
    /// The stack is disposable and owned by kneepoint: instruments may be enabled, and the heaviest statements may
    /// be explained. On any other site nothing is changed and only reads are run.
    pub throw_away: bool,
}

impl StorePlan {
    /// Plan for a running stack, without passwords.
    pub fn for_stack(stack: &StackInfo) -> Self {
        let mut targets: Vec<StoreTarget> = Vec::new();
        for tier in &stack.tiers {
            for instrument in &tier.instruments {
                // A Redis that serves two tiers (cache and queue) is one server with one set of counters.
                if targets.iter().all(|known| address(&known.instrument) != address(instrument)) {
                    let instrument = instrument.clone();
                    targets.push(StoreTarget { tier: tier.tier, instrument, password: None });
                }
            }
        }
        Self { targets, throw_away: stack.throw_away }
    }

    /// True when there is no server to read.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }
}

/// `host:port`, which identifies a server.
pub(crate) fn address(instrument: &Instrument) -> &str {
    match instrument {
        Instrument::Mysql { address, .. }
        | Instrument::Redis { address }
        | Instrument::Memcached { address } => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let target = StoreTarget {
            tier: Tier::Db,
            instrument: Instrument::Redis { address: "127.0.0.1:1".to_owned() },
            password: Some(Secret::new("hunter2")),
        };
        assert!(!format!("{target:?}").contains("hunter2"));
    }
}
