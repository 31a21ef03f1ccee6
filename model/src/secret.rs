//! What is secret, by its name. The one list of such names; nothing of theirs is shown, stored or passed around. Pure.
//!
//! Two questions are asked of it. Variables and log lines are ours and must stay readable, so a name counts by its end:
//! `KP_DB_PASSWORD` is secret and `KP_PASSWORD_ITERATIONS` is not. Fields and parameters of other people's sites go into files
//! that are passed around, so there a name counts when it has the word anywhere in it.

/// Words that name a secret, in lower case.
const WORDS: [&str; 13] = [
    "password",
    "passwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "sessionid",
    "signature",
    "credential",
    "credentials",
    "authorization",
    "cookie",
];

/// Parts of words that others use for the same.
const STEMS: [&str; 3] = ["passw", "session", "jwt"];

/// Words that are also in the middle of harmless ones (`author`, `design`): they count as the last word only.
const SHORT: [&str; 6] = ["sig", "auth", "otp", "dsn", "jwt", "pwd"];

/// Names whose value goes on to the end of a line.
const WHOLE_LINE: [&str; 2] = ["authorization", "cookie"];

/// Whether a variable of this name holds a secret, or a value after this name in a line of a log.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.ends_with(word))
        || name.ends_with("_key")
        || name.ends_with("-key")
        || ends_in_short(&name)
}

/// Whether a field, parameter or header of somebody else's site may hold a secret.
pub fn may_be_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WORDS.iter().chain(&STEMS).any(|word| name.contains(word)) || ends_in_short(&name)
}

/// Whether everything to the end of the line belongs to a value after this name.
pub fn takes_the_line(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WHOLE_LINE.iter().any(|word| name.ends_with(word))
}

fn ends_in_short(name: &str) -> bool {
    let last = name.rsplit(['_', '-']).next().unwrap_or_default();
    SHORT.contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_told_by_their_end() {
        for name in
            ["KP_SECRET_KEY", "KP_DB_PASSWORD", "X_TOKEN", "SENTRY_DSN", "Set-Cookie", "sessionid", "x_sig"]
        {
            assert!(is_secret(name), "{name}");
        }
        for name in
            ["KP_FAULTS", "KP_PAGE_SIZE", "KP_SESSIONS", "KP_PASSWORD_ITERATIONS", "keyboard", "author", ""]
        {
            assert!(!is_secret(name), "{name}");
        }
        assert!(takes_the_line("Proxy-Authorization") && !takes_the_line("token"));
    }

    #[test]
    fn fields_of_others_are_told_by_any_part() {
        for name in [
            "password",
            "passwort",
            "csrfmiddlewaretoken",
            "X-Api-Key",
            "access_token_2",
            "sessionid",
            "sig",
            "x_sig",
            "auth",
        ] {
            assert!(may_be_secret(name), "{name}");
        }
        for name in ["author", "page", "design", "q", "signed", "authority", "sort_key"] {
            assert!(!may_be_secret(name), "{name}");
        }
    }

    #[test]
    fn what_is_secret_for_us_is_for_others_too() {
        for word in WORDS.iter().chain(&SHORT) {
            let name = format!("x_{word}");
            assert!(is_secret(&name) && may_be_secret(&name), "{name}");
        }
    }
}
