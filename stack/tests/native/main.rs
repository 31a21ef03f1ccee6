//! The native driver end to end: prepares (cached between runs), comes up in several topologies, responds, survives a killed
//! worker, is restarted under load, goes down without leaving a process or a port, and comes up again after its owner was
//! killed.
//!
//! The first run downloads Python packages and seeds the data; `KNEEPOINT_TEST_ROOT` names the folder for that (default: the
//! target folder). Each test has its own root, which shares that cache, so that the tests can run side by side.
//!
//! A test that needs a program which is not installed fails, unless `KNEEPOINT_WITHOUT_TOOLS=1` skips it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

mod life;
mod rollouts;
mod support;
mod topologies;

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::NullEventSink;
use kneepoint_process::watchdog;
use kneepoint_stack::Size;
use kneepoint_stack::native::{NativePlan, NativePrepare, PrepareNeeds, prepare, up};
use support::{KILLED_SEED, OWNER, best, plan, prepared};

#[test]
#[ignore = "not a test: the watchdog process of the tests below"]
fn watchdog_entry() {
    watchdog::main(std::io::stdin());
}

#[test]
#[ignore = "not a test: the owner that is killed in a test below"]
fn owner_entry() {
    let Ok(root) = std::env::var(OWNER) else { return };
    let root = PathBuf::from(root);
    let plan = NativePlan { topology: best(), ..plan("gunicorn", 22_400) };
    let stack = up(&plan, &prepared(&root), &Cancel::new(), &NullEventSink).unwrap();
    std::fs::write(root.join("up"), serde_json::to_vec(stack.info()).unwrap()).unwrap();
    thread::sleep(Duration::from_mins(1));
}

#[test]
#[ignore = "not a test: the preparing owner that is killed in a test below"]
fn preparing_entry() {
    let Ok(root) = std::env::var(OWNER) else { return };
    let needs = PrepareNeeds::default();
    let plan =
        NativePrepare { root: PathBuf::from(root), size: Size::S, seed: KILLED_SEED, python: None, needs };
    prepare(&plan, &Cancel::new(), &NullEventSink).unwrap();
}
