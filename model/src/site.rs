//! `site.json`: what the smoke crawl found, page by page.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Micros};

/// How a URL was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PageVerdict {
    /// Answers as it should.
    Passed,
    /// Answers, but something about it deserves a look (see `problems`).
    Warned,
    /// Broken: load must not start.
    Failed,
}

/// What kind of thing a URL gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PageKind {
    /// An HTML document.
    Html,
    /// A style sheet, script, image or font.
    Asset,
    /// JSON or another API answer.
    Api,
    /// robots.txt, sitemap.xml.
    Meta,
    /// Anything else.
    Other,
}

/// One thing wrong (or worth a look) on a page: a closed set with evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum PageProblem {
    /// 5xx.
    ServerError {
        /// The status.
        status: u16,
    },
    /// 4xx on a URL that the site itself links to.
    BrokenLink {
        /// The status.
        status: u16,
    },
    /// No answer in time.
    Timeout {
        /// How long was waited.
        after_us: Micros,
    },
    /// The connection failed.
    Connection {
        /// What failed, in plain words.
        why: String,
    },
    /// Redirects lead in a circle or go on too long.
    RedirectLoop,
    /// The page shows a debug page of the framework (`DEBUG = True`).
    DebugPage,
    /// No `<title>`, or an empty one.
    NoTitle,
    /// Compressible and larger than 1 KiB, but sent without compression although it was offered.
    NotCompressed {
        /// Bytes on the wire.
        bytes: Bytes,
        /// What gzip would have made of it.
        gzip_bytes: Bytes,
    },
    /// A static asset without a lifetime.
    NoCacheHeaders,
    /// A page above 1 MiB on the wire.
    Heavy {
        /// Bytes on the wire.
        bytes: Bytes,
    },
    /// A template variable, traceback or similar shows through in the body.
    Marker {
        /// What was seen.
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

/// One URL of the site, visited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Page {
    /// Path and query, as requested.
    pub path: String,
    /// What it gave.
    pub kind: PageKind,
    /// Final status; absent when there was no answer.
    pub status: Option<u16>,
    /// Title of the document.
    pub title: Option<String>,
    /// Where redirects led, in order, as paths (or absolute URLs where they left the site).
    pub redirects: Vec<String>,
    /// Paths of the pages that link here (at most ten).
    pub linked_from: Vec<String>,
    /// Paths within the site that this page links to.
    pub links: Vec<String>,
    /// Paths within the site of its style sheets, scripts and images.
    pub assets: Vec<String>,
    /// How many clicks from the start.
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
    /// `Content-Encoding`.
    pub encoding: Option<String>,
    /// Names and values of the response headers that decide caching (`cache-control`, `vary`, `etag`, `expires`,
    /// `age`, `cache-status`, `last-modified`); `set-cookie` holds cookie names only.
    pub cache_headers: BTreeMap<String, String>,
    /// The server's own route pattern, when it says so in `Server-Timing`.
    pub route: Option<String>,
    /// True when the page holds a form that posts.
    pub has_post_form: bool,
    /// Passed, warned, failed.
    pub verdict: PageVerdict,
    /// Why.
    pub problems: Vec<PageProblem>,
}

/// A link that was left alone, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftAlone {
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
    /// Every URL visited, in path order.
    pub pages: Vec<Page>,
    /// What was left alone (at most 200 kept; all counted).
    pub left_alone: Vec<LeftAlone>,
    /// How many were left alone in all, by reason.
    pub left_alone_counts: BTreeMap<String, u64>,
    /// External links seen (host → count); never visited.
    pub external: BTreeMap<String, u64>,
    /// True when robots.txt was found and read.
    pub robots: bool,
    /// Number of URLs that came from sitemaps.
    pub from_sitemap: u64,
    /// True when a limit (pages, time) ended the crawl before the site did.
    pub truncated: bool,
    /// How long it took, in microseconds.
    pub took_us: Micros,
}

impl SiteMap {
    /// Pages that are broken.
    pub fn broken(&self) -> impl Iterator<Item = &Page> {
        self.pages.iter().filter(|page| page.verdict == PageVerdict::Failed)
    }
}
