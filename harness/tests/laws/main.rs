//! The laws of CONTRIBUTING.md and ARCHITECTURE.md that a machine can check: dependencies, licences, import circles, words, one
//! home for text functions, and versions of libraries. They read sources and `cargo metadata`; no stack is started.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod circles;
mod dependencies;
mod layering;
mod licences;
mod literals;
mod sources;
mod texts;
mod versions;
mod words;
