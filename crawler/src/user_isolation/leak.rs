//! Compares what the users of the cache-leak test received. Pure.

use std::collections::BTreeSet;

/// User of the cache-leak test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum User {
    First,
    Second,
    Anonymous,
}

impl User {
    /// Name of the logged-in user; `None` for the anonymous user.
    pub(super) fn name(self, user_names: &[String; 2]) -> Option<&str> {
        match self {
            Self::First => Some(&user_names[0]),
            Self::Second => Some(&user_names[1]),
            Self::Anonymous => None,
        }
    }

    fn label(self, user_names: &[String; 2]) -> &str {
        self.name(user_names).unwrap_or("an anonymous user")
    }
}

/// What one user received from one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Observation {
    pub(super) user: User,
    pub(super) path: String,
    /// For each logged-in user, whether the page contains the name.
    pub(super) names: Vec<bool>,
    pub(super) tokens: BTreeSet<String>,
    pub(super) cookies: BTreeSet<String>,
}

/// Data of one user that reached another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheLeak {
    /// Path of the page.
    pub path: String,
    /// Description that names both users but not the secret itself.
    pub what: String,
}

/// Every leak, reported once.
pub(super) fn find_leaks(observations: &[Observation], user_names: &[String; 2]) -> Vec<CacheLeak> {
    let mut found: Vec<CacheLeak> = Vec::new();
    let mut add = |path: &str, what: String| {
        let leak = CacheLeak { path: path.to_owned(), what };
        if !found.contains(&leak) {
            found.push(leak);
        }
    };
    for observation in observations {
        for (at, (name, visible)) in user_names.iter().zip(&observation.names).enumerate() {
            let own = matches!((observation.user, at), (User::First, 0) | (User::Second, 1));
            if *visible && !own {
                add(
                    &observation.path,
                    format!(
                        "{} saw the name of {name} on {}",
                        observation.user.label(user_names),
                        observation.path
                    ),
                );
            }
        }
    }
    for (at, observation) in observations.iter().enumerate() {
        for other in observations[..at].iter().filter(|other| other.user != observation.user) {
            let pair = [other.user, observation.user].map(|user| user.label(user_names));
            if !observation.tokens.is_disjoint(&other.tokens) {
                add(
                    &observation.path,
                    format!(
                        "{} and {} received the same form token on {}",
                        pair[0], pair[1], observation.path
                    ),
                );
            }
            if !observation.cookies.is_disjoint(&other.cookies) {
                add(
                    &observation.path,
                    format!("{} and {} received the same cookie on {}", pair[0], pair[1], observation.path),
                );
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user_names() -> [String; 2] {
        ["user0001".to_owned(), "user0002".to_owned()]
    }

    fn observation(user: User, names: [bool; 2], token: &str) -> Observation {
        let tokens = (!token.is_empty()).then(|| token.to_owned()).into_iter().collect();
        Observation { user, path: "/".to_owned(), names: names.to_vec(), tokens, cookies: BTreeSet::new() }
    }

    #[test]
    fn users_may_see_their_own_data() {
        let observations = [
            observation(User::First, [true, false], "a"),
            observation(User::First, [true, false], "a"),
            observation(User::Anonymous, [false, false], "b"),
            observation(User::Second, [false, true], "c"),
        ];
        assert_eq!(find_leaks(&observations, &user_names()), []);
    }

    #[test]
    fn names_tokens_and_cookies_of_others_are_reported_once_and_without_their_values() {
        let mut anonymous = observation(User::Anonymous, [true, false], "secret-token");
        anonymous.cookies.insert("secret-cookie".to_owned());
        let mut first = observation(User::First, [true, false], "secret-token");
        first.cookies.insert("secret-cookie".to_owned());
        let observations = [first, anonymous.clone(), anonymous, observation(User::Second, [true, true], "")];
        let texts: Vec<String> =
            find_leaks(&observations, &user_names()).into_iter().map(|leak| leak.what).collect();
        assert_eq!(
            texts,
            [
                "an anonymous user saw the name of user0001 on /",
                "user0002 saw the name of user0001 on /",
                "user0001 and an anonymous user received the same form token on /",
                "user0001 and an anonymous user received the same cookie on /",
            ]
        );
        assert!(texts.iter().all(|what| !what.contains("secret")));
    }
}
