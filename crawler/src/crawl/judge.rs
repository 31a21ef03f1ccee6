//! What is wrong with a page, and how much: pure.
//!
//! *Failed* is what a visitor cannot use; *warned* is what works but costs or shows too much. A missing image is a
//! warning: the page around it can be loaded and measured.

use kneepoint_model::site::{PageKind, PageProblem, PageVerdict};
use kneepoint_model::units::Bytes;

/// A page above this is heavy.
const HEAVY: u64 = 1 << 20;
/// Below this compression is not worth its header.
const SMALL: u64 = 1 << 10;

/// The facts that are judged.
#[derive(Debug, Clone)]
pub(crate) struct Facts<'a> {
    /// What it is.
    pub(crate) kind: PageKind,
    /// The status.
    pub(crate) status: u16,
    /// `Content-Type`.
    pub(crate) content_type: Option<&'a str>,
    /// `Content-Encoding`.
    pub(crate) encoding: Option<&'a str>,
    /// Bytes on the wire.
    pub(crate) wire_bytes: u64,
    /// What gzip would make of it, where that was computed.
    pub(crate) gzip_bytes: Option<u64>,
    /// There is a title.
    pub(crate) has_title: bool,
    /// There is a lifetime (`Cache-Control: max-age` or `Expires`).
    pub(crate) has_lifetime: bool,
    /// A debug page of the framework.
    pub(crate) debug_page: bool,
    /// What shows through.
    pub(crate) marker: Option<&'a str>,
}

/// True when it pays to compute what gzip would make of a body.
pub(crate) fn worth_compressing(content_type: Option<&str>, encoding: Option<&str>, wire_bytes: u64) -> bool {
    encoding.is_none() && wire_bytes > SMALL && content_type.is_some_and(crate::http::compressible)
}

/// Everything that is wrong.
pub(crate) fn problems(facts: &Facts<'_>) -> Vec<PageProblem> {
    let mut found = Vec::new();
    match facts.status {
        500.. => found.push(PageProblem::ServerError { status: facts.status }),
        400.. => found.push(PageProblem::BrokenLink { status: facts.status }),
        _ => {}
    }
    if facts.debug_page {
        found.push(PageProblem::DebugPage);
    }
    if !(200..300).contains(&facts.status) {
        return found;
    }
    if facts.kind == PageKind::Html && !facts.has_title {
        found.push(PageProblem::NoTitle);
    }
    if worth_compressing(facts.content_type, facts.encoding, facts.wire_bytes)
        && let Some(gzip) = facts.gzip_bytes.filter(|gzip| gzip * 10 < facts.wire_bytes * 9)
    {
        found.push(PageProblem::NotCompressed { bytes: Bytes(facts.wire_bytes), gzip_bytes: Bytes(gzip) });
    }
    if facts.kind == PageKind::Asset && !facts.has_lifetime {
        found.push(PageProblem::NoCacheHeaders);
    }
    if facts.wire_bytes > HEAVY {
        found.push(PageProblem::Heavy { bytes: Bytes(facts.wire_bytes) });
    }
    if let Some(seen) = facts.marker {
        found.push(PageProblem::Marker { seen: seen.trim().to_owned() });
    }
    found
}

/// Passed, warned or failed.
pub(crate) fn verdict(kind: PageKind, problems: &[PageProblem]) -> PageVerdict {
    let failed = problems.iter().any(|problem| match problem {
        // It wants a login, another method or patience: the crawl's manners, not the site's fault.
        PageProblem::BrokenLink { status: 401 | 403 | 405 | 429 } => false,
        PageProblem::BrokenLink { .. } => kind != PageKind::Asset,
        other => other.is_broken(),
    });
    if failed {
        PageVerdict::Failed
    } else if problems.is_empty() {
        PageVerdict::Passed
    } else {
        PageVerdict::Warned
    }
}

/// What an answer is, by its type; `asset` says that it was linked as one.
pub(crate) fn kind(content_type: Option<&str>, asset: bool) -> PageKind {
    match content_type {
        Some("text/html" | "application/xhtml+xml") => PageKind::Html,
        Some(
            "text/css"
            | "text/javascript"
            | "application/javascript"
            | "application/x-javascript"
            | "application/wasm"
            | "application/manifest+json"
            | "application/vnd.ms-fontobject",
        ) => PageKind::Asset,
        Some(t) if ["image/", "font/", "audio/", "video/"].iter().any(|start| t.starts_with(start)) => {
            PageKind::Asset
        }
        Some("application/json" | "text/json" | "application/problem+json") => PageKind::Api,
        Some(t) if t.ends_with("+json") => PageKind::Api,
        _ if asset => PageKind::Asset,
        _ => PageKind::Other,
    }
}

/// True when the headers name a time for which an answer may be kept.
pub(crate) fn has_lifetime(cache_control: Option<&str>, expires: Option<&str>) -> bool {
    let directive = cache_control.is_some_and(|value| {
        let value = value.to_ascii_lowercase();
        value.split(',').map(str::trim).any(|directive| {
            directive == "immutable"
                || ["max-age=", "s-maxage="]
                    .iter()
                    .filter_map(|name| directive.strip_prefix(name))
                    .any(|seconds| seconds.trim_matches('"').parse::<u64>().is_ok_and(|seconds| seconds > 0))
        })
    });
    // `Expires: 0` and `-1` are the usual ways to say "at once".
    directive || (cache_control.is_none() && expires.is_some_and(|value| value.trim().len() > 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts<'static> {
        Facts {
            kind: PageKind::Html,
            status: 200,
            content_type: Some("text/html"),
            encoding: None,
            wire_bytes: 500,
            gzip_bytes: None,
            has_title: true,
            has_lifetime: false,
            debug_page: false,
            marker: None,
        }
    }

    fn judged(facts: &Facts<'_>) -> (PageVerdict, usize) {
        let problems = problems(facts);
        (verdict(facts.kind, &problems), problems.len())
    }

    #[test]
    fn statuses_decide_first() {
        let by_status = |status| judged(&Facts { status, has_title: false, ..facts() });
        assert_eq!(by_status(500), (PageVerdict::Failed, 1));
        assert_eq!(by_status(404), (PageVerdict::Failed, 1));
        assert_eq!(by_status(403), (PageVerdict::Warned, 1));
        assert_eq!(by_status(405), (PageVerdict::Warned, 1));
        assert_eq!(by_status(302), (PageVerdict::Passed, 0));
        assert_eq!(by_status(200), (PageVerdict::Warned, 1));
        assert_eq!(judged(&facts()), (PageVerdict::Passed, 0));
    }

    #[test]
    fn a_missing_image_does_not_stop_a_load_but_a_broken_one_does() {
        let asset =
            |status| judged(&Facts { kind: PageKind::Asset, status, has_lifetime: true, ..facts() }).0;
        assert_eq!((asset(404), asset(502)), (PageVerdict::Warned, PageVerdict::Failed));
    }

    #[test]
    fn weight_compression_and_lifetime_are_warned_of() {
        let page = Facts { wire_bytes: 5_000, gzip_bytes: Some(900), ..facts() };
        let expected = PageProblem::NotCompressed { bytes: Bytes(5_000), gzip_bytes: Bytes(900) };
        assert_eq!(problems(&page), [expected]);
        assert_eq!(problems(&Facts { encoding: Some("gzip"), ..page.clone() }), []);
        assert_eq!(problems(&Facts { gzip_bytes: Some(4_900), ..page }), [], "nothing to gain");
        assert_eq!(problems(&Facts { wire_bytes: HEAVY + 1, encoding: Some("gzip"), ..facts() }).len(), 1);
        assert_eq!(problems(&Facts { kind: PageKind::Asset, ..facts() }), [PageProblem::NoCacheHeaders]);
    }

    #[test]
    fn a_lifetime_is_a_positive_number_of_seconds() {
        for (control, expires, expected) in [
            (Some("public, max-age=60"), None, true),
            (Some("s-maxage=1"), None, true),
            (Some("max-age=0, must-revalidate"), None, false),
            (Some("no-store"), Some("Wed, 21 Oct 2065 07:28:00 GMT"), false),
            (None, Some("Wed, 21 Oct 2065 07:28:00 GMT"), true),
            (None, Some("0"), false),
            (None, None, false),
        ] {
            assert_eq!(has_lifetime(control, expires), expected, "{control:?} {expires:?}");
        }
    }

    #[test]
    fn kinds_follow_the_type_and_then_the_link() {
        assert_eq!(kind(Some("text/html"), true), PageKind::Html);
        assert_eq!(kind(Some("application/vnd.api+json"), false), PageKind::Api);
        assert_eq!(kind(Some("image/svg+xml"), false), PageKind::Asset);
        assert_eq!(kind(Some("application/octet-stream"), true), PageKind::Asset);
        assert_eq!(kind(None, false), PageKind::Other);
    }
}
