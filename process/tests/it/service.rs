//! Services: found and stopped with all descendants, however they end; logs; a stored reference for another process.

use std::thread;
use std::time::{Duration, Instant};

use kneepoint_process::{Exit, Lifetime, ProcessError, Program, Service, SessionRef, StartOptions, session};

use crate::wait_until;

const GRACE: Duration = Duration::from_secs(5);

fn start(script: &str, lifetime: Lifetime) -> Service {
    let options = StartOptions { name: "test".to_owned(), log: None, lifetime };
    Program::new("sh").args(["-c", script]).start(options).unwrap()
}

#[test]
fn stop_ends_grandchildren_that_left_their_group_and_parent() {
    // `set -m` gives each job its own process group; the subshell ends, so its sleep is an orphan.
    let service = start("set -m; (sleep 100 & sleep 100 &) ; sleep 100 & wait", Lifetime::DieWithParent);
    wait_until("four processes", || service.members().len() == 4);
    assert!(
        service.members().iter().any(|process| process.ppid != service.pid() && process.pid != service.pid())
    );
    service.stop(GRACE).unwrap();
    assert_eq!(session::members(service.session()), []);
    assert_eq!(service.exit_status(), Some(Exit::Signal(15)));
    assert!(!service.is_alive());
    service.stop(GRACE).unwrap();
}

#[test]
fn a_leader_that_ends_its_workers_itself_is_left_to_do_so() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let script = "trap 'echo leader; kill $!; wait; exit 0' TERM; sh -c 'trap \"echo worker; exit 0\" TERM; while :; do sleep 0.05; done' & echo up; while :; do wait $!; done";
    let options = StartOptions { name: "test".to_owned(), log: Some(log), lifetime: Lifetime::DieWithParent };
    let service = Program::new("sh").args(["-c", script]).start(options).unwrap();
    wait_until("up", || service.log_tail(1_000).contains("up") && service.members().len() >= 3);
    service.stop(GRACE).unwrap();
    assert_eq!(service.exit_status(), Some(Exit::Code(0)));
    assert_eq!(service.log_tail(1_000).lines().collect::<Vec<_>>(), ["up", "leader", "worker"]);
}

#[test]
fn a_service_that_ignores_sigterm_is_killed_after_the_grace_period() {
    let service = start("trap '' TERM; sleep 100 & while :; do sleep 0.05; done", Lifetime::DieWithParent);
    wait_until("up", || service.members().len() >= 3);
    let started = Instant::now();
    service.stop(Duration::from_millis(300)).unwrap();
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert_eq!(service.exit_status(), Some(Exit::Signal(9)));
}

#[test]
fn a_dropped_service_ends_and_a_detached_one_lives_until_it_is_found_again() {
    let dropped = start("sleep 100 & sleep 100", Lifetime::DieWithParent);
    let session = dropped.session_ref();
    drop(dropped);
    assert!(!session.is_alive());

    let detached = start("sleep 100 & sleep 100", Lifetime::Detached);
    let stored = serde_json::to_string(&detached.session_ref()).unwrap();
    drop(detached);
    let found: SessionRef = serde_json::from_str(&stored).unwrap();
    assert!(found.is_alive());
    let another = SessionRef { leader_start_ticks: found.leader_start_ticks + 1, ..found };
    assert_eq!(session::kill(another, GRACE), []);
    assert!(found.is_alive(), "a session with another start time was ended");
    assert_eq!(session::kill(found, GRACE), []);
    assert!(!found.is_alive());
}

#[test]
fn an_early_end_is_detected_and_explained_by_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    std::fs::write(&log, "of an earlier start\n").unwrap();
    let options =
        StartOptions { name: "web".to_owned(), log: Some(log.clone()), lifetime: Lifetime::DieWithParent };
    let service =
        Program::new("sh").args(["-c", "echo out; echo address in use >&2; exit 7"]).start(options).unwrap();
    wait_until("its end", || !service.is_alive());
    assert_eq!(service.exit_status(), Some(Exit::Code(7)));
    assert_eq!(service.log_tail(1_000), "out\naddress in use\n");
    assert_eq!(service.log_tail(4), "use\n");
    assert!(std::fs::read_to_string(log).unwrap().starts_with("of an earlier start\nout\n"));
}

#[test]
fn a_failed_start_is_reported() {
    let options = |log| StartOptions { name: "x".to_owned(), log, lifetime: Lifetime::DieWithParent };
    let error = Program::new("no-such-program-of-kneepoint").start(options(None)).unwrap_err();
    assert!(matches!(error, ProcessError::NotFound { .. }), "{error}");
    let error = Program::new("true").start(options(Some("/no/such/folder/log".into()))).unwrap_err();
    assert!(matches!(error, ProcessError::Log { .. }), "{error}");
}

/// The kernel's death signal goes by the forking thread: a service must not end with the thread that asked for it.
#[test]
fn a_service_outlives_the_thread_that_started_it() {
    let service = thread::spawn(|| start("sleep 100", Lifetime::DieWithParent)).join().unwrap();
    thread::sleep(Duration::from_millis(100));
    assert!(service.is_alive());
}
