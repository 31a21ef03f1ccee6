//! The crawl: from the start page to the map of the site.

mod caution;
mod frontier;
mod in_order;
mod judge;
mod left;
mod meta;
mod page;
mod plan;
mod robots;
mod scope;
mod sitemap;
mod trip;
mod walk;

pub(crate) use judge::has_lifetime;
pub use plan::CrawlPlan;
pub use walk::crawl;
