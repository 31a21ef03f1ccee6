//! Which servers to ask, and with what.

use std::fmt;

use kneepoint_model::stack::{Instrument, StackInfo};
use kneepoint_model::tier::Tier;

/// A password: shown as `***`, whoever prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
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

/// One server to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreTarget {
    /// The tier it belongs to.
    pub tier: Tier,
    /// Where it is and how it is spoken to.
    pub instrument: Instrument,
    /// Its password; `None` where it asks for none (the reference stack).
    pub password: Option<Secret>,
}

/// The servers to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorePlan {
    /// The servers, in the order of `stack.json`, each once.
    pub targets: Vec<StoreTarget>,
    /// The stack is kneepoint's own: instruments may be switched on, and the heaviest statements may be explained. On a
    /// site that is not, nothing is changed and nothing is run but reading.
    pub throw_away: bool,
}

impl StorePlan {
    /// For a stack as it runs, without passwords.
    pub fn of(stack: &StackInfo) -> Self {
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

    /// Nothing to ask?
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }
}

/// `host:port`, by which a server is known.
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
