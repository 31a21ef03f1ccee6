//! Links that were not followed, and why: all are counted, the first ones are listed.

use std::collections::BTreeMap;

use kneepoint_model::site::SkippedLink;
use kneepoint_model::text::clip;

/// Most links that are listed.
const MAX_KEPT: usize = 200;
/// Most external hosts that are named; the rest is counted together.
const MAX_HOSTS: usize = 200;

/// Why a link was not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SkipReason {
    /// robots.txt disallows it.
    Robots,
    /// It looks as if it changed data or ended the session.
    LogoutLike,
    /// It leads to another site.
    OtherOrigin,
    /// Enough pages of its template were visited, or a limit of the crawl was reached.
    Limit,
    /// It is too many clicks from the start page.
    Depth,
    /// It is not a web page (`mailto:`).
    Scheme,
    /// It matches an ignore pattern of the plan.
    Ignored,
}

impl SkipReason {
    /// Reason as written to `site.json`.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Robots => "robots",
            Self::LogoutLike => "logout-like",
            Self::OtherOrigin => "other-origin",
            Self::Limit => "limit",
            Self::Depth => "depth",
            Self::Scheme => "scheme",
            Self::Ignored => "ignored",
        }
    }
}

/// Collects skipped links.
#[derive(Debug, Default)]
pub(crate) struct Skipped {
    links: Vec<SkippedLink>,
    counts: BTreeMap<String, u64>,
    external: BTreeMap<String, u64>,
}

impl Skipped {
    /// Counts a link and lists it while there is room.
    pub(crate) fn add(&mut self, url: &str, why: SkipReason) {
        *self.counts.entry(why.label().to_owned()).or_default() += 1;
        if self.links.len() < MAX_KEPT {
            let url = clip(url, 500).to_owned();
            self.links.push(SkippedLink { url, why: why.label().to_owned() });
        }
    }

    /// Counts a link to another host.
    pub(crate) fn count_external(&mut self, host: &str) {
        let known = self.external.contains_key(host) || self.external.len() < MAX_HOSTS;
        let host = if known { host } else { "(others)" };
        *self.external.entry(host.to_owned()).or_default() += 1;
    }

    /// Returns the listed links, the counts by reason, and the counts by external host.
    pub(crate) fn finish(self) -> (Vec<SkippedLink>, BTreeMap<String, u64>, BTreeMap<String, u64>) {
        (self.links, self.counts, self.external)
    }
}
