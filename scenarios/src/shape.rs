//! The shape of an address: what stays the same when only the thing that is shown changes.

/// The path without its query, numbers and long words standing for any: `/books/17/?page=2` is `/books/<id>/`.
pub(crate) fn shape(target: &str) -> String {
    let path = target.split(['?', '#']).next().unwrap_or("/");
    let segments: Vec<String> = path.split('/').map(segment).collect();
    segments.join("/")
}

/// `17` is `<id>`, and `17.svg` is `<id>.svg`.
fn segment(segment: &str) -> String {
    match segment.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("<id>.{extension}")
        }
        None if is_key(segment) => "<id>".to_owned(),
        _ => segment.to_owned(),
    }
}

/// Numbers, hashes and slugs stand for any of their kind.
fn is_key(segment: &str) -> bool {
    let digits = segment.chars().filter(char::is_ascii_digit).count();
    digits > 0 && digits == segment.len() || segment.len() >= 20 || segment.len() >= 8 && digits >= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_for_any_and_words_for_themselves() {
        for (target, same) in [
            ("/", "/"),
            ("/books/17/?page=2", "/books/<id>/"),
            ("/books/the-raven-and-other-poems/", "/books/<id>/"),
            ("/covers/9780143127741.svg", "/covers/<id>.svg"),
            ("/static/site.105f811b2fd4.css", "/static/site.105f811b2fd4.css"),
            ("/users/5f3a9c1b7d/edit", "/users/<id>/edit"),
            ("/static/site.css#top", "/static/site.css"),
        ] {
            assert_eq!(shape(target), same);
        }
    }
}
