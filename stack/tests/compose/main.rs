//! The compose driver against a real Docker daemon.
//!
//! The first run makes images and data; `KNEEPOINT_TEST_ROOT` names the folder for the data (default: the target folder).
//! kneepoint's own executable runs in two of the containers: build it first (`cargo build --release -p kneepoint`). The tests
//! take turns at one daemon.
//!
//! Without Docker the tests fail, unless `KNEEPOINT_WITHOUT_DOCKER=1` declares that this machine has none.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]
#![expect(clippy::print_stderr, reason = "skipped tests and measurements are printed")]

mod entries;
mod failures;
mod life;
mod support;
