//! Smoke test, warm-up and probe: the stages that visit the site politely, before any load.
//!
//! [`crawl`] visits every page and reports what is broken, [`warm`] repeats requests until response times are steady,
//! [`probe`] measures each route in isolation. All three block the caller, take a [`Cancel`] and emit progress
//! events. Only GET is sent, except by [`test_user_isolation`], which logs in. This crate makes no load and does not
//! know how the site is run.
//!
//! [`Cancel`]: kneepoint_model::cancel::Cancel

mod address;
mod crawl;
mod cron;
mod error;
mod fetch_json;
mod html;
mod http;
mod probe;
mod runtime;
mod smoke_line;
mod systemd;
mod target;
mod user_isolation;
mod warm;

pub use address::{canonicalize, path_template};
pub use crawl::{CrawlPlan, crawl};
pub use cron::render_crontab;
pub use error::CrawlError;
pub use fetch_json::fetch_json;
pub use probe::{FittedLine, ProbePlan, least_squares, probe};
pub use smoke_line::{SmokeLine, smoke_lines};
pub use systemd::render_systemd_units;
pub use user_isolation::{CacheLeak, IsolationPlan, LoginForm, test_user_isolation};
pub use warm::{WarmPlan, is_steady, warm, warm_order};

/// Default `User-Agent` of every request.
pub const USER_AGENT: &str = concat!("kneepoint/", env!("CARGO_PKG_VERSION"));

/// The user agent name that robots.txt rules are matched against.
pub const ROBOT_NAME: &str = "kneepoint";
