//! Names of secrets: the only list in the workspace. Values with such a name are never shown or stored. Pure.
//!
//! There are two rules. Variables and log lines of the stack must stay readable, so a name counts by its end: `KP_DB_PASSWORD` is
//! secret and `KP_PASSWORD_ITERATIONS` is not. Fields and parameters of a tested site go into files that may be shared, so there
//! a name counts when it contains the word anywhere.

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

/// Parts of other words for secrets.
const STEMS: [&str; 3] = ["passw", "session", "jwt"];

/// Words that also occur inside harmless ones (`author`, `design`): they count only as the last word.
const SHORT: [&str; 6] = ["sig", "auth", "otp", "dsn", "jwt", "pwd"];

/// Names whose value extends to the end of the line.
const WHOLE_LINE: [&str; 2] = ["authorization", "cookie"];

/// Whether a variable of this name holds a secret, or a value after this name in a line of a log.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.ends_with(word))
        || name.ends_with("_key")
        || name.ends_with("-key")
        || ends_in_short(&name)
}

/// Whether a field, parameter or header of a tested site may hold a secret.
pub fn may_be_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WORDS.iter().chain(&STEMS).any(|word| name.contains(word)) || ends_in_short(&name)
}

/// Whether a value after this name extends to the end of the line.
pub fn extends_to_line_end(name: &str) -> bool {
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
    fn variables_are_recognised_by_their_end() {
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
        assert!(extends_to_line_end("Proxy-Authorization") && !extends_to_line_end("token"));
    }

    #[test]
    fn fields_of_a_site_are_recognised_by_any_part() {
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
    fn every_secret_variable_name_is_a_secret_field_name_too() {
        for word in WORDS.iter().chain(&SHORT) {
            let name = format!("x_{word}");
            assert!(is_secret(&name) && may_be_secret(&name), "{name}");
        }
    }
}
