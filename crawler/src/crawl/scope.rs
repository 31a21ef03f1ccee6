//! Which URLs may be visited: within the site, allowed by robots.txt and the plan, and without side effects.

use regex::RegexSet;
use url::Url;

use super::robots::Robots;
use super::skipped::SkipReason;
use super::unsafe_links::has_side_effects;
use crate::address::path_of;
use crate::error::CrawlError;
use crate::target::Target;

/// Rules of one crawl.
#[derive(Debug)]
pub(crate) struct Scope {
    /// Site that the crawl stays within.
    pub(crate) target: Target,
    robots: Robots,
    ignore: RegexSet,
}

impl Scope {
    pub(crate) fn new(target: Target, robots: Robots, ignore: RegexSet) -> Self {
        Self { target, robots, ignore }
    }

    /// Returns why this URL of the site must be skipped, or `Ok` when it may be visited.
    pub(crate) fn check(&self, url: &Url) -> Result<(), SkipReason> {
        let path = path_of(url);
        if has_side_effects(url) {
            Err(SkipReason::LogoutLike)
        } else if self.ignore.is_match(&path) {
            Err(SkipReason::Ignored)
        } else if !self.robots.allows(&path) {
            Err(SkipReason::Robots)
        } else {
            Ok(())
        }
    }
}

/// Compiles the plan's ignore patterns.
pub(crate) fn compile_patterns(ignore: &[String]) -> Result<RegexSet, CrawlError> {
    RegexSet::new(ignore).map_err(|error| CrawlError::BadPlan {
        what: "an ignore pattern",
        value: ignore.join("`, `"),
        why: error.to_string(),
    })
}
