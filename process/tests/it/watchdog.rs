//! `kill -9` of the owner leaves nothing running; a normal end keeps the detached services running.
//!
//! The owner and the watchdog are this test binary, started again with the name of one ignored test, so that no helper
//! program is needed. Run by hand, these two do nothing.

use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::Duration;

use kneepoint_process::{
    Lifetime, ProcStat, Program, Service, SessionRef, StartOptions, Watchdog, session, watchdog,
};

use crate::{wait_until, wait_up_to};

const ROLE: &str = "KNEEPOINT_TEST_OWNER";

fn this_test(name: &str) -> Program {
    Program::new(std::env::current_exe().unwrap()).args([name, "--exact", "--ignored", "--nocapture"])
}

fn start_watchdog() -> Watchdog {
    let args = ["watchdog::watchdog_entry", "--exact", "--ignored", "--nocapture"];
    Watchdog::start(&std::env::current_exe().unwrap(), &args).unwrap()
}

fn start_service(script: &str, lifetime: Lifetime) -> Service {
    let options = StartOptions { name: "victim".to_owned(), log: None, lifetime };
    Program::new("sh").args(["-c", script]).start(options).unwrap()
}

#[test]
#[ignore = "not a test: the watchdog process of the tests below"]
fn watchdog_entry() {
    watchdog::main(std::io::stdin());
}

#[test]
#[ignore = "not a test: the owner process of the tests below"]
fn owner_entry() {
    let Ok(file) = std::env::var(ROLE) else { return };
    let folder = Path::new(&file).parent().unwrap();
    let watchdog = (!file.ends_with("alone")).then(start_watchdog);
    // The leader dies of SIGTERM at once and leaves a grandchild behind that ignores it.
    let service =
        start_service("(trap '' TERM; while :; do sleep 0.1; done) & wait", Lifetime::DieWithParent);
    wait_until("its members", || service.members().len() >= 2);
    if let Some(watchdog) = &watchdog {
        watchdog.watch(&service).unwrap();
        watchdog.run_on_death(&["touch".into(), folder.join("final run").into()]).unwrap();
    }
    let part = folder.join("part");
    let mut out = std::fs::File::create(&part).unwrap();
    out.write_all(serde_json::to_string(&service.session_ref()).unwrap().as_bytes()).unwrap();
    std::fs::rename(part, &file).unwrap();
    thread::sleep(Duration::from_mins(1));
}

fn kill_owner(file: &Path) -> SessionRef {
    let options = StartOptions { name: "owner".to_owned(), log: None, lifetime: Lifetime::Detached };
    let owner = this_test("watchdog::owner_entry").env(ROLE, file).start(options).unwrap();
    wait_up_to(15, "the owner is up", || file.exists());
    let victim: SessionRef = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert!(victim.is_alive());
    // No grace: SIGKILL at once.
    assert_eq!(session::kill(owner.session_ref(), Duration::ZERO), []);
    victim
}

#[test]
fn kill_9_of_the_owner_ends_the_whole_session() {
    let folder = tempfile::tempdir().unwrap();
    let victim = kill_owner(&folder.path().join("watched"));
    wait_until("the session has gone", || !victim.is_alive());
    wait_until("the final program was run", || folder.path().join("final run").exists());
}

#[test]
fn without_a_watchdog_the_kernel_still_ends_the_leader() {
    let folder = tempfile::tempdir().unwrap();
    let victim = kill_owner(&folder.path().join("alone"));
    let leader = victim.session.0;
    wait_until("the leader has gone", || ProcStat::read(leader).is_none_or(|stat| stat.is_dead()));
    assert!(victim.is_alive(), "the grandchild ignores SIGTERM, so only the watchdog could have ended it");
    assert_eq!(session::kill(victim, Duration::ZERO), []);
}

#[test]
fn finish_and_forget_keep_sessions_running() {
    let kept = start_service("sleep 100", Lifetime::Detached);
    let watchdog = start_watchdog();
    watchdog.watch(&kept).unwrap();
    watchdog.finish().unwrap();
    assert!(kept.is_alive());

    let watchdog = start_watchdog();
    let ended = start_service("sleep 100", Lifetime::Detached);
    watchdog.watch(&kept).unwrap();
    watchdog.watch(&ended).unwrap();
    watchdog.forget(kept.session()).unwrap();
    let long = watchdog.run_on_death(&["x".repeat(5000).into()]);
    assert!(matches!(long, Err(kneepoint_process::ProcessError::Watchdog(_))));
    drop(watchdog);
    wait_until("the watched one has gone", || !ended.is_alive());
    assert!(kept.is_alive());
    kept.stop(Duration::from_secs(2)).unwrap();
}
