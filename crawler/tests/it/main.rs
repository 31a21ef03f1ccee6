//! Runs the stages of this crate against real sites on loopback.
#![expect(
    clippy::unwrap_used,
    clippy::format_collect,
    reason = "a test stops where its premises fail; pages are small"
)]

mod crawl;
mod site;
mod user_isolation;
mod warm_and_probe;
