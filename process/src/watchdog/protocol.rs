//! What is said on the pipe to the watchdog: one order a line, as a value with its text form. Pure.
//!
//! `watch <session> <start_ticks> <name>` · `forget <session>` · `done`

use std::fmt;

use crate::session::{SessionId, SessionRef};

/// The longest name that is sent, in characters; a name is for people only.
const NAME: usize = 64;

/// One order to the watchdog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// End this session when the pipe closes.
    Watch(SessionRef, String),
    /// Do not end this session any more.
    Forget(SessionId),
    /// All is well: leave without ending anything.
    Done,
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Watch(watched, name) => {
                let name: String =
                    name.chars().take(NAME).map(|c| if c.is_control() { '_' } else { c }).collect();
                write!(f, "watch {} {} {name}", watched.session.0, watched.leader_start_ticks)
            }
            Self::Forget(session) => write!(f, "forget {}", session.0),
            Self::Done => f.write_str("done"),
        }
    }
}

impl Order {
    /// `None` for a line that is no order; the watchdog passes over it, since it must not end for a typing error.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(4, ' ');
        match words.next()? {
            "watch" => {
                let session = SessionId(words.next()?.parse().ok()?);
                let leader_start_ticks = words.next()?.parse().ok()?;
                let name = words.next().unwrap_or_default().to_owned();
                Some(Self::Watch(SessionRef { session, leader_start_ticks }, name))
            }
            "forget" => Some(Self::Forget(SessionId(words.next()?.parse().ok()?))),
            "done" => Some(Self::Done),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_said_is_understood(session in any::<i32>(), leader_start_ticks in any::<u64>(), name in "[a-z ]{0,64}") {
            let session = SessionId(session);
            for order in [Order::Watch(SessionRef { session, leader_start_ticks }, name.clone()), Order::Forget(session), Order::Done] {
                prop_assert_eq!(Order::parse(&order.to_string()), Some(order));
            }
        }

        #[test]
        fn an_order_is_one_short_line(name in any::<String>()) {
            let watched = SessionRef { session: SessionId(i32::MAX), leader_start_ticks: u64::MAX };
            let line = Order::Watch(watched, name).to_string();
            prop_assert!(!line.contains('\n') && line.len() < 512);
        }

        #[test]
        fn nonsense_is_no_order(line in "\\PC{0,40}") {
            prop_assume!(!["watch", "forget", "done"].iter().any(|word| line.starts_with(word)));
            prop_assert_eq!(Order::parse(&line), None);
        }
    }
}
