//! The crawl: from the start page to the map of the site.

mod crawler_files;
mod fetch;
mod frontier;
mod page;
mod page_checks;
mod plan;
mod result_queue;
mod robots;
mod scope;
mod sitemap;
mod skipped;
mod unsafe_links;
mod walk;

pub(crate) use page_checks::has_lifetime;
pub use plan::CrawlPlan;
pub use walk::crawl;
