//! `site.json`: what the smoke crawl found, page by page.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Micros};

/// The result of the checks of one URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PageVerdict {
    /// No problem was found.
    Passed,
    /// It works, but has problems (see `problems`).
    Warned,
    /// It is broken: the load must not start.
    Failed,
}

/// The kind of content behind a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PageKind {
    /// An HTML document.
    Html,
    /// A style sheet, script, image or font.
    Asset,
    /// JSON or another API response.
    Api,
    /// A file for crawlers: robots.txt or sitemap.xml.
    Meta,
    /// Any other content type.
    Other,
}

/// A problem of a page, with evidence: a closed set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum PageProblem {
    /// The response has a 5xx status.
    ServerError {
        /// The HTTP status of the response.
        status: u16,
    },
    /// 4xx on a URL that the site itself links to.
    BrokenLink {
        /// The HTTP status of the response.
        status: u16,
    },
    /// No response within the deadline.
    Timeout {
        /// The time after which the request was given up.
        after_us: Micros,
    },
    /// The connection failed.
    Connection {
        /// The cause, in words.
        why: String,
    },
    /// Redirects form a loop or are too many.
    RedirectLoop,
    /// The response is a debug page of the framework (`DEBUG = True`).
    DebugPage,
    /// No `<title>`, or an empty one.
    NoTitle,
    /// Compressible and larger than 1 KiB, but sent without compression although it was offered.
    NotCompressed {
        /// Bytes on the wire.
        bytes: Bytes,
        /// Its size after gzip.
        gzip_bytes: Bytes,
    },
    /// A static asset without caching headers.
    NoCacheHeaders,
    /// A page above 1 MiB on the wire.
    Heavy {
        /// Bytes on the wire.
        bytes: Bytes,
    },
    /// The body contains a template variable, a traceback or the like.
    Marker {
        /// The text that was found.
        seen: String,
    },
}

impl PageProblem {
    /// True when load must not start on a site with this problem.
    pub const fn is_broken(&self) -> bool {
        matches!(
            self,
            Self::ServerError { .. }
                | Self::BrokenLink { .. }
                | Self::Timeout { .. }
                | Self::Connection { .. }
                | Self::RedirectLoop
        )
    }
}

/// One URL of the site, as the crawl found it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Page")]
pub struct CrawledPage {
    /// Path and query, as requested.
    pub path: String,
    /// The kind of its content.
    pub kind: PageKind,
    /// Final status; absent without a response.
    pub status: Option<u16>,
    /// Title of the document.
    pub title: Option<String>,
    /// The targets of redirects, in order, as paths (or absolute URLs where they leave the site).
    pub redirects: Vec<String>,
    /// Paths of the pages that link here (at most ten).
    pub linked_from: Vec<String>,
    /// Paths within the site that this page links to.
    pub links: Vec<String>,
    /// Paths within the site of its style sheets, scripts and images.
    pub assets: Vec<String>,
    /// Number of links between the start page and this page.
    pub depth: u32,
    /// Time to the first byte.
    pub ttfb_us: Micros,
    /// Time to the last byte.
    pub total_us: Micros,
    /// Bytes of the body as received.
    pub wire_bytes: Bytes,
    /// Bytes of the body decoded.
    pub body_bytes: Bytes,
    /// `Content-Type`, without parameters.
    pub content_type: Option<String>,
    /// The `Content-Encoding` header.
    pub encoding: Option<String>,
    /// Names and values of the response headers that decide caching (`cache-control`, `vary`, `etag`, `expires`,
    /// `age`, `cache-status`, `last-modified`); `set-cookie` holds cookie names only.
    pub cache_headers: BTreeMap<String, String>,
    /// The server's route pattern, where it is reported in `Server-Timing`.
    pub route: Option<String>,
    /// True when the page holds a form that posts.
    pub has_post_form: bool,
    /// The result of the checks.
    pub verdict: PageVerdict,
    /// Everything that was found wrong; empty when it passed.
    pub problems: Vec<PageProblem>,
}

/// A link that was not followed, and the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "LeftAlone")]
pub struct SkippedLink {
    /// The path or URL.
    pub url: String,
    /// `robots`, `logout-like`, `other-origin`, `limit`, `depth`, `scheme`, `ignored`.
    pub why: String,
}

/// The whole crawl.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SiteMap {
    /// Version of this file's format.
    pub format_version: u32,
    /// Origin that was crawled, e.g. `http://127.0.0.1:18080`.
    pub origin: String,
    /// Every URL that was requested, in path order.
    pub pages: Vec<CrawledPage>,
    /// Links that were not followed: the first 200.
    #[serde(rename = "left_alone")]
    pub skipped_links: Vec<SkippedLink>,
    /// The number of all links that were not followed, by reason.
    #[serde(rename = "left_alone_counts")]
    pub skipped_counts: BTreeMap<String, u64>,
    /// External links (host → count); never requested.
    pub external: BTreeMap<String, u64>,
    /// True when robots.txt was found and read.
    pub robots: bool,
    /// Number of URLs from sitemaps.
    pub from_sitemap: u64,
    /// True when a limit (pages, time) ended the crawl before all pages were requested.
    pub truncated: bool,
    /// How long it took, in microseconds.
    pub took_us: Micros,
}

impl SiteMap {
    /// Pages that are broken.
    pub fn broken(&self) -> impl Iterator<Item = &CrawledPage> {
        self.pages.iter().filter(|page| page.verdict == PageVerdict::Failed)
    }
}
