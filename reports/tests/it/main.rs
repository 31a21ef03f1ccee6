//! The report as a whole: structure, hostile text, missing parts, goldens, and a real browser.

mod chromium;
mod fixture;
mod golden;
mod hostile;
mod ladder;
mod missing;
mod structure;
