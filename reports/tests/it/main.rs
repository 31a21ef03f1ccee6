//! Tests of whole reports: structure, untrusted input, missing parts, snapshots, plain language, and a real browser.

mod chromium;
mod experiment;
mod fixture;
mod golden;
mod hostile;
mod ladder;
mod missing;
mod plain_language;
mod structure;
