//! What was left alone, and why: counted always, kept up to a bound.

use std::collections::BTreeMap;

use kneepoint_model::site::SkippedLink;

/// Most entries kept.
const MAX_KEPT: usize = 200;
/// Most hosts named; the rest is counted together.
const MAX_HOSTS: usize = 200;

/// Why a link was not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// robots.txt says no.
    Robots,
    /// It looks as if it would do something.
    LogoutLike,
    /// It leaves the site.
    OtherOrigin,
    /// Enough of its like were visited, or a bound of the crawl was reached.
    Limit,
    /// Too many clicks from the start.
    Depth,
    /// Not a page (`mailto:`).
    Scheme,
    /// The plan says no.
    Ignored,
}

impl Why {
    /// The word in `site.json`.
    pub(crate) const fn word(self) -> &'static str {
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

/// The list as it grows.
#[derive(Debug, Default)]
pub(crate) struct Left {
    kept: Vec<SkippedLink>,
    counts: BTreeMap<String, u64>,
    external: BTreeMap<String, u64>,
}

impl Left {
    /// Adds one link.
    pub(crate) fn add(&mut self, url: &str, why: Why) {
        *self.counts.entry(why.word().to_owned()).or_default() += 1;
        if self.kept.len() < MAX_KEPT {
            let url = url.chars().take(500).collect();
            self.kept.push(SkippedLink { url, why: why.word().to_owned() });
        }
    }

    /// Counts a link to another host.
    pub(crate) fn external(&mut self, host: &str) {
        let known = self.external.contains_key(host) || self.external.len() < MAX_HOSTS;
        let host = if known { host } else { "(others)" };
        *self.external.entry(host.to_owned()).or_default() += 1;
    }

    /// The entries, the counts by reason, and the counts by host.
    pub(crate) fn finish(self) -> (Vec<SkippedLink>, BTreeMap<String, u64>, BTreeMap<String, u64>) {
        (self.kept, self.counts, self.external)
    }
}
