//! Smoke: does every page answer before it is loaded; warm; probe.
//!
//! Three stages that ask politely, one visitor at a time: [`crawl`] walks the site and says what is broken, [`warm`] makes
//! caches and workers warm, [`probe`] looks at each route alone. All three block, take a [`Cancel`] and announce their
//! progress; only GET is ever sent, but for the readers of [`visitors_apart`], who log in. This crate makes no load and knows nothing of how the site is run.
//!
//! [`Cancel`]: kneepoint_model::cancel::Cancel

mod address;
mod apart;
mod ask;
mod crawl;
mod cron;
mod error;
mod html;
mod http;
mod probe;
mod runtime;
mod smoke_line;
mod systemd;
mod target;
mod warm;

pub use address::{canonical, template};
pub use apart::{ApartPlan, LoginForm, Mixed, visitors_apart};
pub use ask::ask_json;
pub use crawl::{CrawlPlan, crawl};
pub use cron::cron;
pub use error::CrawlError;
pub use probe::{Line, ProbePlan, least_squares, probe};
pub use smoke_line::{SmokeLine, smoke_lines};
pub use systemd::systemd_timer;
pub use warm::{WarmPlan, is_flat, warm, warm_order};

/// How kneepoint introduces itself to a site.
pub const USER_AGENT: &str = concat!("kneepoint/", env!("CARGO_PKG_VERSION"));

/// The name that robots.txt may address.
pub const ROBOT_NAME: &str = "kneepoint";
