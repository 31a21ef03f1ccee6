//! The stack comes up, responds on every tier, is changed under load, goes down, and is cleaned up after `kill -9`.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::experiment::Rollout;
use kneepoint_model::stack::{Driver, Instrument};
use kneepoint_model::tier::Tier;
use kneepoint_process::{Service, StartOptions, session};
use kneepoint_stack::compose::{ComposePlan, ComposePrepared, ComposeStack, down_recorded, status, up};
use kneepoint_stack::{Lifetime, PortPlan, StackError};

use super::support::*;

#[test]
fn the_whole_stack_responds_and_leaves_nothing() {
    if skip_without_docker() {
        return;
    }
    let _turn = turn();
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let prepared = prepared(&root, &["full"]);
    let began = Instant::now();
    let stack = brought_up(&plan("full", 18_400), &prepared);
    eprintln!("up in {:.1} s", began.elapsed().as_secs_f64());
    let info = stack.info().clone();
    let project = project(&info);
    assert_eq!(info.driver, Driver::Compose);
    for path in ["/", "/catalogue/", "/books/7/", "/search/?q=night", "/healthz"] {
        let (status, body) = page(&info, path);
        assert_eq!(status, 200, "{path}: {body}");
    }
    for tier in &info.tiers {
        assert!(!tier.roots.is_empty() && !tier.containers.is_empty(), "{tier:?}");
        assert!(tier.roots.iter().all(|pid| Path::new(&format!("/proc/{pid}")).exists()), "{tier:?}");
    }
    let proxy = info.tier(Tier::Proxy).unwrap();
    assert!(get(proxy.status_url.as_ref().unwrap().as_str()).1.contains("Active connections"));
    let mysql = &info.tier(Tier::Db).unwrap().instruments[0];
    assert!(matches!(mysql, Instrument::Mysql { schema, .. } if schema == "bookstore"), "{mysql:?}");
    assert!(
        info.versions["mysql"].starts_with('9') && info.versions["Django"].starts_with("5.2"),
        "{:?}",
        info.versions
    );
    stack.check(&Cancel::new()).unwrap();
    assert!(
        status(&root).unwrap().is_some_and(|status| status.owner.is_some() && status.containers.len() > 5)
    );
    let report = stack.down(GRACE);
    assert!(report.left.is_empty() && report.why.is_none(), "{report:?}");
    assert!(report.stopped.len() >= 8 && report.removed.volumes.len() == 3, "{report:?}");
    assert_eq!(docker_names(&project), [""; 0]);
    let access = std::fs::read_to_string(proxy.access_log.as_ref().unwrap()).unwrap();
    assert!(access.lines().count() >= 5 && access.contains("/catalogue/"), "{access}");
    let logs = root.join("compose/logs");
    assert!(std::fs::read_to_string(logs.join("db.log")).unwrap().contains("ready for connections"));
    assert!(status(&root).unwrap().is_none());
}

#[test]
fn services_of_a_machine_share_its_quota() {
    if skip_without_docker() {
        return;
    }
    let _turn = turn();
    let temp = tempfile::tempdir().unwrap();
    let prepared = prepared(&root(temp.path()), &["runserver"]);
    let stack = brought_up(&ComposePlan { quotas: true, ..small(18_450) }, &prepared);
    let (info, project) = (stack.info().clone(), project(stack.info()));
    let quota = PathBuf::from(format!("/sys/fs/cgroup/cpu/{project}/laptop"));
    if quota.is_dir() {
        assert!(stack.unmeasured().is_empty(), "{:?}", stack.unmeasured());
        let read = |file: &str| std::fs::read_to_string(quota.join(file)).unwrap().trim().to_owned();
        assert_eq!(
            (read("cpu.cfs_quota_us"), read("cpu.cfs_period_us")),
            ("10000".to_owned(), "20000".to_owned())
        );
        // Two busy processes in two containers have half a core together.
        let before = used(&project);
        let began = Instant::now();
        let burn = |tier: Tier, program: &'static str, code: &'static str| {
            let container = info.tier(tier).unwrap().containers[0].clone();
            thread::spawn(move || docker(&["exec", &container, program, "-c", code]))
        };
        let server = burn(Tier::Server, "python", "import time\nwhile time.process_time() < 0.5: pass");
        let engine = burn(Tier::Engine, "bash", "for ((i = 0; i < 250000; i++)); do :; done");
        server.join().unwrap();
        engine.join().unwrap();
        let cores = (used(&project) - before) as f64 / 1e9 / began.elapsed().as_secs_f64();
        assert!(cores < 0.6, "{cores} cores of 0.5");
    } else {
        // Another kind of cgroups, or no right to make them: then it must be output, or systemd has it.
        eprintln!("no cgroup of version 1 at {}", quota.display());
        assert!(!stack.unmeasured().is_empty() || Path::new("/run/systemd/system").exists());
    }
    assert!(stack.down(GRACE).left.is_empty());
    assert!(!quota.exists());
}

/// CPU time of everything on the machine `laptop` of a project, in ns.
fn used(project: &str) -> u64 {
    let path = format!("/sys/fs/cgroup/cpuacct/{project}/laptop/cpuacct.usage");
    std::fs::read_to_string(path).unwrap().trim().parse().unwrap()
}

/// Makes a rollout while one user requests a page again and again, bypassing every cache; returns how often.
fn count_requests_during(stack: &mut ComposeStack, which: Rollout) -> u32 {
    let url = stack.info().base_url.join("/books/7/").unwrap();
    let (stop, asked) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        let user = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let (status, body) = get(&format!("{url}?{}", asked.fetch_add(1, Ordering::Relaxed)));
                assert_eq!(status, 200, "{body}");
            }
        });
        let report = stack.roll_out(which, &Cancel::new(), &progress());
        stop.store(true, Ordering::Relaxed);
        user.join().unwrap();
        eprintln!("{:#?}", report.unwrap());
    });
    stack.check(&Cancel::new()).unwrap();
    asked.into_inner()
}

#[test]
fn servers_are_replaced_and_no_request_is_lost() {
    if skip_without_docker() {
        return;
    }
    let _turn = turn();
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let prepared = prepared(&root, &["nginx", "balanced-lb"]);
    let mut stack = brought_up(&plan("nginx", 18_460), &prepared);
    let before = stack.info().tier(Tier::Server).unwrap().clone();
    assert!(count_requests_during(&mut stack, Rollout::RollingRestart) > 5);
    assert!(count_requests_during(&mut stack, Rollout::BlueGreen) > 5);
    let after = stack.info().tier(Tier::Server).unwrap().clone();
    assert!(after.containers != before.containers && after.roots != before.roots, "{after:?}");
    assert_eq!((after.roots.len(), after.containers.len()), (1, 1));
    assert!(stack.down(GRACE).left.is_empty());
    let mut stack = brought_up(&plan("balanced-lb", 18_460), &prepared);
    assert!(count_requests_during(&mut stack, Rollout::RollingRestart) > 5);
    let refused = stack.roll_out(Rollout::BlueGreen, &Cancel::new(), &progress()).unwrap_err();
    assert!(refused.to_string().contains("both are in use"), "{refused}");
    assert!(stack.down(GRACE).left.is_empty());
    assert_nothing_is_left(&root);
}

/// Kills a process that takes a stack down once the first container has ended; returns how many resources were left.
fn killed_down(root: &Path, prepared: &ComposePrepared) -> usize {
    let left = ComposePlan { lifetime: Lifetime::Detached, ..small(18_540) };
    let info = brought_up(&left, prepared).info().clone();
    let options = StartOptions { name: "down".to_owned(), log: None, lifetime: Lifetime::Detached };
    let down: Service = copy("down_entry", root).start(options).unwrap();
    let engine = &info.tier(Tier::Engine).unwrap().containers[0];
    let running = || docker(&["ps", "--format", "{{.Names}}"]).contains(engine.as_str());
    wait_until(40, "the first container is ended", || !running());
    assert_eq!(session::kill(down.session_ref(), Duration::ZERO), []);
    docker_names(&project(&info)).len()
}

#[test]
fn a_down_that_is_killed_is_finished_by_the_next() {
    if skip_without_docker() {
        return;
    }
    let _turn = turn();
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let prepared = prepared(&root, &["runserver"]);
    // A fast machine may finish before the kill, which would prove nothing; then it is tried again.
    let caught = (0..5).any(|_| killed_down(&root, &prepared) > 0);
    assert!(caught, "it was down each time before it was killed");
    let report = down_recorded(&root, GRACE, false).unwrap();
    assert!(report.left.is_empty(), "{report:?}");
    assert_nothing_is_left(&root);
}

/// Starts an owner, waits until its stack runs and kills it; returns the project.
fn killed_owner(root: &Path, guarded: bool) -> String {
    let options = StartOptions { name: "owner".to_owned(), log: None, lifetime: Lifetime::Detached };
    let program = copy("owner_entry", root);
    let program = if guarded { program.env("KNEEPOINT_TEST_GUARDED", "1") } else { program };
    let owner: Service = program.start(options).unwrap();
    let file = root.join("owner-is-up");
    wait_until(90, "the owner is up", || file.exists());
    let project = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(!docker_names(&project).is_empty());
    assert_eq!(session::kill(owner.session_ref(), Duration::ZERO), []);
    project
}

#[test]
fn kill_9_leaves_nothing_with_a_watchdog_and_nothing_after_the_next() {
    if skip_without_docker() {
        return;
    }
    let _turn = turn();
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let project = killed_owner(&root, true);
    wait_until(40, "the watchdog's cleaner removed everything", || docker_names(&project).is_empty());
    assert!(root.join("compose/logs/server.log").exists(), "the cleaner kept the logs");
    // Without a watchdog the next `up` removes it.
    let project = killed_owner(&root, false);
    assert!(status(&root).unwrap().unwrap().orphaned && !docker_names(&project).is_empty());
    let prepared = prepared(&root, &["runserver"]);
    let stack = brought_up(&small(18_500), &prepared);
    assert_eq!(page(stack.info(), "/healthz").0, 200);
    stack.down(GRACE);
    // Without a watchdog and without a record the label is enough.
    let project = killed_owner(&root, false);
    std::fs::remove_file(root.join("compose/state.json")).unwrap();
    assert_eq!(down_recorded(&root, GRACE, false).unwrap().removed.counts(), "", "nothing is recorded");
    let report = down_recorded(&root, GRACE, true).unwrap();
    assert!(report.left.is_empty() && report.removed.containers.len() == 2, "{report:?}");
    assert_eq!(docker_names(&project), [""; 0]);
}

#[test]
fn ports_cancellation_and_stacks_that_are_left_running() {
    if skip_without_docker() {
        return;
    }
    let _turn = turn();
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let prepared = prepared(&root, &["runserver"]);
    let holder = std::net::TcpListener::bind("127.0.0.1:18520").unwrap();
    let fixed = ComposePlan { ports: PortPlan { site: 18_520, fixed: true }, ..small(18_520) };
    let refused = up(&fixed, &prepared, &Cancel::new(), &progress()).unwrap_err();
    assert!(matches!(refused, StackError::PortTaken { port: 18_520, .. }), "{refused}");
    let cancel = Cancel::new();
    let trigger = cancel.clone();
    let stopper = thread::spawn(move || {
        thread::sleep(Duration::from_millis(1500));
        trigger.cancel();
    });
    let ended = up(&small(18_520), &prepared, &cancel, &progress()).unwrap_err();
    assert!(matches!(ended, StackError::Cancelled), "{ended}");
    stopper.join().unwrap();
    assert_nothing_is_left(&root);
    // This test still holds the port, so another is chosen.
    let left = ComposePlan { lifetime: Lifetime::Detached, ..small(18_520) };
    let info = brought_up(&left, &prepared).info().clone();
    assert_eq!(page(&info, "/").0, 200, "it runs although its handle was dropped");
    let container = info.tier(Tier::Server).unwrap().containers[0].clone();
    let published = docker(&["port", &container, "8000"]);
    assert!(published.trim().starts_with("127.0.0.1:185") && !published.contains(":18520"), "{published}");
    drop(holder);
    let again = up(&small(18_530), &prepared, &Cancel::new(), &progress()).unwrap_err();
    assert!(
        matches!(&again, StackError::AlreadyUp { url, .. } if *url == info.base_url.to_string()),
        "{again}"
    );
    // Another slot has its own data, containers and project.
    let other = brought_up(&ComposePlan { slot: Some("head".to_owned()), ..small(18_530) }, &prepared);
    assert_ne!(project(other.info()), project(&info));
    assert!(other.down(GRACE).left.is_empty());
    assert_eq!(page(&info, "/").0, 200);
    let report = down_recorded(&root, GRACE, false).unwrap();
    assert_eq!(report.stopped, ["server", "engine"]);
    assert_nothing_is_left(&root);
}
