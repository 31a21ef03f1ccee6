//! Form tokens: values that make responses of the same page differ between users although the page is the same.

/// Names of hidden fields that carry anti-forgery tokens: Django, Rails, Laravel, ASP.NET, Flask, Symfony.
const NAMES: [&str; 7] = [
    "csrfmiddlewaretoken",
    "authenticity_token",
    "_token",
    "__requestverificationtoken",
    "csrf_token",
    "csrf",
    "_csrf_token",
];

/// True for the name of a form field that holds an anti-forgery token.
pub(crate) fn is_token_field(name: &str) -> bool {
    NAMES.contains(&name.to_ascii_lowercase().as_str())
}

/// Replaces every token in the body by a placeholder.
pub(crate) fn mask_tokens(body: &[u8], tokens: &[String]) -> Vec<u8> {
    let mut text = String::from_utf8_lossy(body).into_owned();
    // Short values would also replace ordinary words.
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
        let masked_page = |token: &str| mask_tokens(page(token).as_bytes(), &[token.to_owned()]);
        assert_eq!(masked_page("aaaaaaaaaaaa"), masked_page("bbbbbbbbbbbb"));
        assert_ne!(mask_tokens(b"form", &["form".into()]), b"<token>");
        assert!(is_token_field("csrfmiddlewaretoken") && !is_token_field("q"));
    }
}
