//! URL templates: requests that differ only in ids share one endpoint.

/// The path without its query, with ids and slugs replaced: `/books/17/?page=2` becomes `/books/<id>/`.
pub(crate) fn derive_url_template(target: &str) -> String {
    let path = target.split(['?', '#']).next().unwrap_or("/");
    let segments: Vec<String> = path.split('/').map(replace_id).collect();
    segments.join("/")
}

/// `17` becomes `<id>`, and `17.svg` becomes `<id>.svg`.
fn replace_id(segment: &str) -> String {
    match segment.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("<id>.{extension}")
        }
        None if is_id(segment) => "<id>".to_owned(),
        _ => segment.to_owned(),
    }
}

/// True for numbers, and for what looks like a hash or a slug.
fn is_id(segment: &str) -> bool {
    let digits = segment.chars().filter(char::is_ascii_digit).count();
    digits > 0 && digits == segment.len() || segment.len() >= 20 || segment.len() >= 8 && digits >= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_replaced_and_words_are_kept() {
        for (target, expected) in [
            ("/", "/"),
            ("/books/17/?page=2", "/books/<id>/"),
            ("/books/the-raven-and-other-poems/", "/books/<id>/"),
            ("/covers/9780143127741.svg", "/covers/<id>.svg"),
            ("/static/site.105f811b2fd4.css", "/static/site.105f811b2fd4.css"),
            ("/users/5f3a9c1b7d/edit", "/users/<id>/edit"),
            ("/static/site.css#top", "/static/site.css"),
        ] {
            assert_eq!(derive_url_template(target), expected);
        }
    }
}
