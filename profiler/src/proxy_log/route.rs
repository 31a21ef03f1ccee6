//! Under which name a request is summed: the server's own route, or what can be told from its path.

use kneepoint_model::server_timing::ServerTiming;

/// Where `stack/reference/proxy` serves files from.
const STATIC: &str = "/static/";
/// Longest path kept in a name.
const MAX_PATH: usize = 120;

/// The name of a request's row.
pub(super) fn name(timing: &ServerTiming, uri: &str) -> String {
    if let Some(route) = &timing.route {
        return clean(route);
    }
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    if path.starts_with(STATIC) {
        return format!("(static) {STATIC}");
    }
    format!("(no route) {}", clean(path))
}

/// Bounded and free of control characters: it comes from outside.
fn clean(text: &str) -> String {
    text.chars().take(MAX_PATH).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_word_goes_before_the_path() {
        let said = ServerTiming { route: Some("books/<int:pk>/".to_owned()), ..ServerTiming::default() };
        assert_eq!(name(&said, "/static/x.css"), "books/<int:pk>/");
        let silent = ServerTiming::default();
        assert_eq!(name(&silent, "/static/x.css?v=1"), "(static) /static/");
        assert_eq!(name(&silent, "/a?token=secret"), "(no route) /a");
        assert!(name(&silent, &"/é\n".repeat(500)).chars().count() < 140);
    }
}
