//! Form tokens: what makes two answers of the same page differ for every visitor, though the page is the same.

/// Names of hidden fields that carry a token against forged requests: Django, Rails, Laravel, ASP.NET, Flask, Symfony.
const NAMES: [&str; 7] = [
    "csrfmiddlewaretoken",
    "authenticity_token",
    "_token",
    "__requestverificationtoken",
    "csrf_token",
    "csrf",
    "_csrf_token",
];

/// True for a field that holds such a token.
pub(crate) fn is_token(name: &str) -> bool {
    NAMES.contains(&name.to_ascii_lowercase().as_str())
}

/// The body with every token struck out.
pub(crate) fn masked(body: &[u8], tokens: &[String]) -> Vec<u8> {
    let mut text = String::from_utf8_lossy(body).into_owned();
    // Short values would strike out ordinary words.
    for token in tokens.iter().filter(|token| token.len() >= 8) {
        text = text.replace(token.as_str(), "<token>");
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_differ_in_their_token_alone_become_the_same() {
        let page = |token: &str| format!("<form><input name=csrfmiddlewaretoken value={token}></form>");
        let mask = |token: &str| masked(page(token).as_bytes(), &[token.to_owned()]);
        assert_eq!(mask("aaaaaaaaaaaa"), mask("bbbbbbbbbbbb"));
        assert_ne!(masked(b"form", &["form".into()]), b"<token>");
        assert!(is_token("csrfmiddlewaretoken") && !is_token("q"));
    }
}
