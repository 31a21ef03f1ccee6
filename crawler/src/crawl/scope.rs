//! What may be visited: within the site, allowed by robots.txt and by the plan, and not doing anything.

use regex::RegexSet;
use url::Url;

use super::caution::does_something;
use super::left::Why;
use super::robots::Robots;
use crate::address::path_of;
use crate::error::CrawlError;
use crate::target::Target;

/// The rules of one crawl.
#[derive(Debug)]
pub(crate) struct Scope {
    /// The site.
    pub(crate) target: Target,
    robots: Robots,
    ignore: RegexSet,
}

impl Scope {
    /// Puts the rules together.
    pub(crate) fn new(target: Target, robots: Robots, ignore: RegexSet) -> Self {
        Self { target, robots, ignore }
    }

    /// May this address of the site be visited?
    pub(crate) fn judge(&self, url: &Url) -> Result<(), Why> {
        let path = path_of(url);
        if does_something(url) {
            Err(Why::LogoutLike)
        } else if self.ignore.is_match(&path) {
            Err(Why::Ignored)
        } else if !self.robots.allows(&path) {
            Err(Why::Robots)
        } else {
            Ok(())
        }
    }
}

/// Compiles the plan's patterns.
pub(crate) fn patterns(ignore: &[String]) -> Result<RegexSet, CrawlError> {
    RegexSet::new(ignore).map_err(|error| CrawlError::BadPlan {
        what: "a pattern of pages to ignore",
        value: ignore.join("`, `"),
        why: error.to_string(),
    })
}
