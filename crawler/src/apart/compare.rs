//! What the three saw, compared. Pure.

use std::collections::BTreeSet;

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    First,
    Second,
    Stranger,
}

impl Who {
    /// The reader's name; a stranger has none.
    pub(super) fn name(self, readers: &[String; 2]) -> Option<&str> {
        match self {
            Self::First => Some(&readers[0]),
            Self::Second => Some(&readers[1]),
            Self::Stranger => None,
        }
    }

    fn words(self, readers: &[String; 2]) -> &str {
        self.name(readers).unwrap_or("a stranger")
    }
}

/// One look at one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) who: Who,
    pub(super) path: String,
    /// Whether the name of each reader could be read.
    pub(super) names: Vec<bool>,
    pub(super) tokens: BTreeSet<String>,
    pub(super) cookies: BTreeSet<String>,
}

/// Something that reached a visitor for whom it was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mixed {
    /// On which page.
    pub path: String,
    /// What was seen by whom, without the secret itself.
    pub what: String,
}

/// What reached the wrong visitor, each thing once.
pub(super) fn mixed(seen: &[Sight], readers: &[String; 2]) -> Vec<Mixed> {
    let mut found: Vec<Mixed> = Vec::new();
    let mut add = |path: &str, what: String| {
        let one = Mixed { path: path.to_owned(), what };
        if !found.contains(&one) {
            found.push(one);
        }
    };
    for sight in seen {
        for (at, (name, is_seen)) in readers.iter().zip(&sight.names).enumerate() {
            let own = matches!((sight.who, at), (Who::First, 0) | (Who::Second, 1));
            if *is_seen && !own {
                add(
                    &sight.path,
                    format!("{} saw the name of {name} on {}", sight.who.words(readers), sight.path),
                );
            }
        }
    }
    for (at, sight) in seen.iter().enumerate() {
        for other in seen[..at].iter().filter(|other| other.who != sight.who) {
            let pair = [other.who, sight.who].map(|who| who.words(readers));
            if !sight.tokens.is_disjoint(&other.tokens) {
                add(
                    &sight.path,
                    format!("{} and {} were given the same form token on {}", pair[0], pair[1], sight.path),
                );
            }
            if !sight.cookies.is_disjoint(&other.cookies) {
                add(
                    &sight.path,
                    format!("{} and {} were given the same cookie on {}", pair[0], pair[1], sight.path),
                );
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readers() -> [String; 2] {
        ["reader0001".to_owned(), "reader0002".to_owned()]
    }

    fn sight(who: Who, names: [bool; 2], token: &str) -> Sight {
        let tokens = (!token.is_empty()).then(|| token.to_owned()).into_iter().collect();
        Sight { who, path: "/".to_owned(), names: names.to_vec(), tokens, cookies: BTreeSet::new() }
    }

    #[test]
    fn everyone_may_see_their_own() {
        let seen = [
            sight(Who::First, [true, false], "a"),
            sight(Who::First, [true, false], "a"),
            sight(Who::Stranger, [false, false], "b"),
            sight(Who::Second, [false, true], "c"),
        ];
        assert_eq!(mixed(&seen, &readers()), []);
    }

    #[test]
    fn names_tokens_and_cookies_of_others_are_told_once_and_without_their_values() {
        let mut stranger = sight(Who::Stranger, [true, false], "secret-token");
        stranger.cookies.insert("secret-cookie".to_owned());
        let mut first = sight(Who::First, [true, false], "secret-token");
        first.cookies.insert("secret-cookie".to_owned());
        let seen = [first, stranger.clone(), stranger, sight(Who::Second, [true, true], "")];
        let said: Vec<String> = mixed(&seen, &readers()).into_iter().map(|mixed| mixed.what).collect();
        assert_eq!(
            said,
            [
                "a stranger saw the name of reader0001 on /",
                "reader0002 saw the name of reader0001 on /",
                "reader0001 and a stranger were given the same form token on /",
                "reader0001 and a stranger were given the same cookie on /",
            ]
        );
        assert!(said.iter().all(|what| !what.contains("secret")));
    }
}
