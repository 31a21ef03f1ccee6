//! The protocol of the pipe to the watchdog: one order a line, as a value with its text form. Pure.
//!
//! `watch <session> <start_ticks> <name>` · `forget <session>` · `finally <argument> …` · `done`

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use kneepoint_model::text;

use crate::session::{SessionId, SessionRef};

/// Characters of a service's name that are sent; the name is only for readers.
const MAX_NAME_CHARS: usize = 64;

/// One order to the watchdog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// End this session when the pipe closes.
    Watch(SessionRef, String),
    /// Do not end this session any more.
    Forget(SessionId),
    /// Run this program, its arguments after it, when the pipe closes and all sessions have been ended.
    RunOnDeath(Vec<OsString>),
    /// End the watchdog without ending any session.
    Done,
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Watch(watched, name) => {
                let name = text::replace_controls(text::clip(name, MAX_NAME_CHARS), '_');
                write!(f, "watch {} {} {name}", watched.session.0, watched.leader_start_ticks)
            }
            Self::Forget(session) => write!(f, "forget {}", session.0),
            Self::RunOnDeath(argv) => {
                f.write_str("finally")?;
                argv.iter().try_for_each(|word| write!(f, " {}", encode(word)))
            }
            Self::Done => f.write_str("done"),
        }
    }
}

impl Order {
    /// `None` for a line that is no order; the watchdog ignores it, because an invalid line must not end it.
    pub(super) fn parse(line: &str) -> Option<Self> {
        if let Some(argv) = line.strip_prefix("finally ") {
            return argv.split(' ').map(decode).collect::<Option<Vec<_>>>().map(Self::RunOnDeath);
        }
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

/// An argument as one word of printable ASCII, never empty: `=` before bytes as they are, or as `%` and two digits.
fn encode(argument: &OsStr) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:,@+".contains(&byte);
    let one = |byte: &u8| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02x}") };
    std::iter::once("=".to_owned()).chain(argument.as_bytes().iter().map(one)).collect()
}

fn decode(word: &str) -> Option<OsString> {
    let mut bytes = Vec::new();
    let mut rest = word.strip_prefix('=')?.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    Some(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn orders_are_parsed_as_they_were_written(session in any::<i32>(), leader_start_ticks in any::<u64>(), name in "[a-z ]{0,64}") {
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
        fn any_argument_arrives_as_it_was(argv in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 1..5)) {
            let order = Order::RunOnDeath(argv.into_iter().map(OsString::from_vec).collect());
            let line = order.to_string();
            prop_assert!(line.is_ascii() && !line.contains('\n'));
            prop_assert_eq!(Order::parse(&line), Some(order));
        }

        #[test]
        fn other_lines_are_no_orders(line in "\\PC{0,40}") {
            prop_assume!(!["watch", "forget", "finally", "done"].iter().any(|word| line.starts_with(word)));
            prop_assert_eq!(Order::parse(&line), None);
        }
    }
}
