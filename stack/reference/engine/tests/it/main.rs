//! Tests of the engine's public interface: the index on a few books, and the engine over HTTP.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

mod http;
mod index;
