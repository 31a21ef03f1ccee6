//! Pages as a browser loads them, in figures: the document, and every style sheet, script and image of the same site.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::histogram::Quantiles;
use crate::units::Ratio;

/// Counts of pages and of their assets; each page is counted in `pages` and in one of the four fields after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PageCounts {
    /// Pages that ended (censored ones included).
    pub pages: u64,
    /// The document and all its assets were received.
    pub whole: u64,
    /// The document was received, and one or more of its assets were not.
    pub incomplete: u64,
    /// The document itself failed, so no asset was requested.
    pub failed: u64,
    /// Not finished when the run ended.
    pub censored: u64,
    /// Assets that were requested, successful or not; includes those that had not changed.
    pub from_network: u64,
    /// Of those, responses with status 304.
    pub not_modified: u64,
    /// Of those, failed.
    pub assets_failed: u64,
    /// Assets that were in the user's own cache.
    pub from_cache: u64,
    /// Assets of another site or beyond the limit, which were not requested.
    pub left_out: u64,
}

impl PageCounts {
    /// True when there was no page.
    pub const fn is_empty(&self) -> bool {
        self.pages == 0
    }

    /// Adds another count.
    pub fn add(&mut self, other: &Self) {
        self.pages += other.pages;
        self.whole += other.whole;
        self.incomplete += other.incomplete;
        self.failed += other.failed;
        self.censored += other.censored;
        self.from_network += other.from_network;
        self.not_modified += other.not_modified;
        self.assets_failed += other.assets_failed;
        self.from_cache += other.from_cache;
        self.left_out += other.left_out;
    }

    /// Share of the assets that were in the user's own cache; `None` without assets.
    pub fn cache_share(&self) -> Option<Ratio> {
        Ratio::from_parts(self.from_cache, self.from_cache + self.from_network)
    }

    /// Mean of a count over the pages; `None` without pages.
    pub fn per_page(&self, count: u64) -> Option<f64> {
        (self.pages > 0).then(|| count as f64 / self.pages as f64)
    }
}

/// The pages of one step over the measured part of a phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PageStats {
    /// The step's name; its document's figures are those of the endpoint of this name.
    pub name: String,
    /// How they ended, and the counts of their assets.
    pub counts: PageCounts,
    /// From the moment the step was due to the end of the last asset; pages that are not whole have the time they took.
    pub page_us: Quantiles,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_means_need_something_to_divide_by() {
        let counts = PageCounts { pages: 4, from_network: 6, from_cache: 2, ..PageCounts::default() };
        assert_eq!((counts.cache_share(), counts.per_page(6)), (Some(Ratio(0.25)), Some(1.5)));
        assert_eq!((PageCounts::default().cache_share(), PageCounts::default().per_page(0)), (None, None));
    }
}
