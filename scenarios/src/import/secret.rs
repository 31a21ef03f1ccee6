//! What looks like a secret, by its name: it is not written into files that are passed around.

/// A name that has one of these in it names a secret.
const SIGNS: [&str; 13] = [
    "passw",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "session",
    "signature",
    "sig",
    "auth",
    "credential",
    "otp",
    "jwt",
];

/// Whether a value of this name may be a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SIGNS.iter().any(|sign| match *sign {
        // These are in the middle of harmless words.
        "sig" | "auth" | "otp" => {
            name == *sign || name.ends_with(&format!("_{sign}")) || name.ends_with(&format!("-{sign}"))
        }
        sign => name.contains(sign),
    })
}

/// Whether the query of a target has a secret in it.
pub(super) fn in_query(target: &str) -> bool {
    let Some((_, query)) = target.split_once('?') else { return false };
    let query = query.split('#').next().unwrap_or_default();
    query.split(['&', ';']).any(|pair| is_secret_name(pair.split('=').next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_by_their_names() {
        for name in [
            "password",
            "csrfmiddlewaretoken",
            "X-Api-Key",
            "access_token",
            "sessionid",
            "sig",
            "x_sig",
            "auth",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["author", "page", "design", "q", "signed", "authority"] {
            assert!(!is_secret_name(name), "{name}");
        }
        assert!(
            in_query("/reset/?uid=7&token=abc") && !in_query("/books/?author=token") && !in_query("/token/")
        );
    }
}
