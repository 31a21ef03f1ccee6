//! Finds the problems of a page and derives its verdict. Pure.
//!
//! *Failed*: a user cannot use the page. *Warned*: it works but costs or reveals too much. A missing image is a
//! warning: the page around it can still be loaded and measured.

use kneepoint_model::site::{PageKind, PageProblem, PageVerdict};
use kneepoint_model::units::Bytes;

/// A larger response is reported as heavy, in bytes on the wire.
const HEAVY_BYTES: u64 = 1 << 20;
/// Below this size compression does not pay for its header.
const MIN_COMPRESSIBLE_BYTES: u64 = 1 << 10;

/// Facts of a response that the checks use.
#[derive(Debug, Clone)]
pub(crate) struct PageFacts<'a> {
    pub(crate) kind: PageKind,
    pub(crate) status: u16,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) encoding: Option<&'a str>,
    /// Bytes of the body on the wire.
    pub(crate) wire_bytes: u64,
    /// Size after gzip, when it was computed.
    pub(crate) gzip_bytes: Option<u64>,
    pub(crate) has_title: bool,
    /// `Cache-Control: max-age` or `Expires` gives a lifetime.
    pub(crate) has_lifetime: bool,
    /// The body is a debug page of the framework.
    pub(crate) debug_page: bool,
    /// Error marker found in the text.
    pub(crate) marker: Option<&'a str>,
}

/// True when it is worth computing the gzip size of a body.
pub(crate) fn is_worth_compressing(
    content_type: Option<&str>,
    encoding: Option<&str>,
    wire_bytes: u64,
) -> bool {
    encoding.is_none()
        && wire_bytes > MIN_COMPRESSIBLE_BYTES
        && content_type.is_some_and(crate::http::is_compressible)
}

/// Returns every problem of the page.
pub(crate) fn find_problems(facts: &PageFacts<'_>) -> Vec<PageProblem> {
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
    if is_worth_compressing(facts.content_type, facts.encoding, facts.wire_bytes)
        && let Some(gzip) = facts.gzip_bytes.filter(|gzip| gzip * 10 < facts.wire_bytes * 9)
    {
        found.push(PageProblem::NotCompressed { bytes: Bytes(facts.wire_bytes), gzip_bytes: Bytes(gzip) });
    }
    if facts.kind == PageKind::Asset && !facts.has_lifetime {
        found.push(PageProblem::NoCacheHeaders);
    }
    if facts.wire_bytes > HEAVY_BYTES {
        found.push(PageProblem::Heavy { bytes: Bytes(facts.wire_bytes) });
    }
    if let Some(seen) = facts.marker {
        found.push(PageProblem::Marker { seen: seen.trim().to_owned() });
    }
    found
}

/// Derives the verdict of a page from its problems.
pub(crate) fn verdict_for(kind: PageKind, problems: &[PageProblem]) -> PageVerdict {
    let failed = problems.iter().any(|problem| match problem {
        // A login, another method or a slower pace is required: a limit of the crawl, not a fault of the site.
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

/// Classifies a response by its content type; `asset` is true when it was linked as one.
pub(crate) fn classify(content_type: Option<&str>, asset: bool) -> PageKind {
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

/// True when the headers allow storing the response for some time.
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
    // `Expires: 0` and `-1` are the usual ways to forbid storing.
    directive || (cache_control.is_none() && expires.is_some_and(|value| value.trim().len() > 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> PageFacts<'static> {
        PageFacts {
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

    fn verdict_and_count(facts: &PageFacts<'_>) -> (PageVerdict, usize) {
        let problems = find_problems(facts);
        (verdict_for(facts.kind, &problems), problems.len())
    }

    #[test]
    fn statuses_decide_first() {
        let by_status = |status| verdict_and_count(&PageFacts { status, has_title: false, ..facts() });
        assert_eq!(by_status(500), (PageVerdict::Failed, 1));
        assert_eq!(by_status(404), (PageVerdict::Failed, 1));
        assert_eq!(by_status(403), (PageVerdict::Warned, 1));
        assert_eq!(by_status(405), (PageVerdict::Warned, 1));
        assert_eq!(by_status(302), (PageVerdict::Passed, 0));
        assert_eq!(by_status(200), (PageVerdict::Warned, 1));
        assert_eq!(verdict_and_count(&facts()), (PageVerdict::Passed, 0));
    }

    #[test]
    fn a_missing_image_does_not_stop_a_load_but_a_broken_one_does() {
        let asset = |status| {
            verdict_and_count(&PageFacts { kind: PageKind::Asset, status, has_lifetime: true, ..facts() }).0
        };
        assert_eq!((asset(404), asset(502)), (PageVerdict::Warned, PageVerdict::Failed));
    }

    #[test]
    fn weight_compression_and_missing_lifetime_give_warnings() {
        let page = PageFacts { wire_bytes: 5_000, gzip_bytes: Some(900), ..facts() };
        let expected = PageProblem::NotCompressed { bytes: Bytes(5_000), gzip_bytes: Bytes(900) };
        assert_eq!(find_problems(&page), [expected]);
        assert_eq!(find_problems(&PageFacts { encoding: Some("gzip"), ..page.clone() }), []);
        assert_eq!(find_problems(&PageFacts { gzip_bytes: Some(4_900), ..page }), [], "nothing to gain");
        assert_eq!(
            find_problems(&PageFacts { wire_bytes: HEAVY_BYTES + 1, encoding: Some("gzip"), ..facts() })
                .len(),
            1
        );
        assert_eq!(
            find_problems(&PageFacts { kind: PageKind::Asset, ..facts() }),
            [PageProblem::NoCacheHeaders]
        );
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
        assert_eq!(classify(Some("text/html"), true), PageKind::Html);
        assert_eq!(classify(Some("application/vnd.api+json"), false), PageKind::Api);
        assert_eq!(classify(Some("image/svg+xml"), false), PageKind::Asset);
        assert_eq!(classify(Some("application/octet-stream"), true), PageKind::Asset);
        assert_eq!(classify(None, false), PageKind::Other);
    }
}
