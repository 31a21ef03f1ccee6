//! The label under which a request is summed: the server's own route, or a label derived from the path.

use kneepoint_model::server_timing::ServerTiming;
use kneepoint_model::text::{clip, replace_controls};

/// Prefix of the static files that `stack/proxy` serves.
const STATIC_PREFIX: &str = "/static/";
/// Longest label, in characters.
const MAX_PATH: usize = 120;

/// Label of the row that a request is added to.
pub(super) fn route_label(timing: &ServerTiming, uri: &str) -> String {
    if let Some(route) = &timing.route {
        return sanitize(route);
    }
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    if path.starts_with(STATIC_PREFIX) {
        return format!("(static) {STATIC_PREFIX}");
    }
    format!("(no route) {}", sanitize(path))
}

/// Bounds the text and replaces control characters, because it is untrusted input.
fn sanitize(text: &str) -> String {
    replace_controls(clip(text, MAX_PATH), '\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_route_of_the_server_takes_precedence_over_the_path() {
        let timing_with_route =
            ServerTiming { route: Some("books/<int:pk>/".to_owned()), ..ServerTiming::default() };
        assert_eq!(route_label(&timing_with_route, "/static/x.css"), "books/<int:pk>/");
        let no_timing = ServerTiming::default();
        assert_eq!(route_label(&no_timing, "/static/x.css?v=1"), "(static) /static/");
        assert_eq!(route_label(&no_timing, "/a?token=secret"), "(no route) /a");
        assert!(route_label(&no_timing, &"/é\n".repeat(500)).chars().count() < 140);
    }
}
