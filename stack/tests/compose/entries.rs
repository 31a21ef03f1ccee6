//! Processes that the tests start: each is this test binary with one of these entries.

use std::path::Path;
use std::thread;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_process::watchdog;
use kneepoint_stack::compose::{ComposePlan, ComposePrepare, clean, down_recorded, prepare, up};
use kneepoint_stack::{Size, Topology};

use super::support::*;

#[test]
#[ignore = "not a test: the watchdog process of the tests below"]
fn watchdog_entry() {
    watchdog::main(std::io::stdin());
}

#[test]
#[ignore = "not a test: the cleaner of the tests below"]
fn cleaner_entry() {
    let mut words = std::env::args().skip_while(|word| word != "--skip").skip(1);
    if let (Some(project), Some(logs)) = (words.next(), words.next()) {
        clean(&project, Path::new(&logs)).unwrap();
    }
}

#[test]
#[ignore = "not a test: prepares and brings up in an environment in which it cannot"]
fn doomed_entry() {
    let Some(root) = entry_root() else { return };
    let topology = std::env::var("KNEEPOINT_TEST_TOPOLOGY").unwrap();
    let wanted = ComposePrepare {
        root,
        size: Size::S,
        seed: 1,
        topologies: vec![Topology::named(&topology).unwrap()],
        binary: binary(),
        guard: Some(guard()),
    };
    let prepared = prepare(&wanted, &Cancel::new(), &progress());
    let error = match prepared {
        Ok(prepared) => {
            up(&plan(&topology, 18_480), &prepared, &Cancel::new(), &progress()).map(|_| ()).unwrap_err()
        }
        Err(error) => error,
    };
    panic!("EXIT {} {error}", error.exit_code().code());
}

#[test]
#[ignore = "not a test: what takes a stack down and is killed in the test below"]
fn down_entry() {
    let Some(root) = entry_root() else { return };
    down_recorded(&root, GRACE, false).unwrap();
}

#[test]
#[ignore = "not a test: the owner that is killed in the tests below"]
fn owner_entry() {
    let Some(root) = entry_root() else { return };
    let guard = std::env::var_os("KNEEPOINT_TEST_GUARDED").map(|_| guard());
    let prepared = prepared(&root, &["runserver"]);
    let stack = brought_up(&ComposePlan { guard, ..small(18_500) }, &prepared);
    std::fs::write(root.join("owner-is-up"), project(stack.info())).unwrap();
    thread::sleep(Duration::from_mins(2));
}
