//! The life of one or several stacks: taken down, dropped, detached, orphaned.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::NullEventSink;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::tier::Tier;
use kneepoint_stack::native::{
    NativePlan, NativePrepare, NativeStack, PrepareNeeds, down_recorded, prepare, status, up,
};
use kneepoint_stack::{Lifetime, PortPlan, Size, StackError};

use super::support::*;

#[test]
fn kill_9_while_preparing_leaves_nothing_incomplete() {
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let whole = prepared(&root).data;
    let stem = whole.file_name().unwrap().to_str().unwrap().strip_suffix("-1").unwrap().to_owned();
    let place = root.join("cache").join(format!("{stem}-{KILLED_SEED}"));
    let part = root.join("cache").join(format!("{stem}-{KILLED_SEED}.part"));
    let _ = std::fs::remove_dir_all(&place);
    let owner = start_owner("preparing_entry", &root, temp.path());
    wait_until("the database is being made", || {
        assert!(owner.is_alive(), "{}", owner.log_tail(4000));
        part.join("db.sqlite3").exists()
    });
    kill_9(owner.pid());
    assert!(!place.exists() && part.exists());
    let needs = PrepareNeeds::default();
    let plan = NativePrepare { root: root.clone(), size: Size::S, seed: KILLED_SEED, python: None, needs };
    let again = prepare(&plan, &Cancel::new(), &NullEventSink).unwrap();
    assert!(again.data.file_name() == place.file_name() && !part.exists());
    for name in ["db.sqlite3", "books.jsonl", "static"] {
        assert!(again.data.join(name).exists(), "{name}");
    }
    // The next run of this test must have something to make.
    std::fs::remove_dir_all(&place).unwrap();
}

#[test]
fn comes_up_responds_recovers_and_goes_down() {
    let temp = tempfile::tempdir().unwrap();
    // A path that neither nginx nor a Unix socket accepts.
    let root = root(&temp.path().join("a project; with blanks and 100%").join("x".repeat(60)));
    let prepared = prepared(&root);
    let logs = temp.path().join("logs");
    let plan = NativePlan {
        topology: best(),
        logs: Some(logs.clone()),
        env: BTreeMap::from([
            ("KP_PAGE_SIZE".to_owned(), "12".to_owned()),
            ("KP_SECRET_KEY".to_owned(), "not-to-be-seen".to_owned()),
        ]),
        ..plan("gunicorn", 22_000)
    };
    let stack = up(&plan, &prepared, &Cancel::new(), &NullEventSink).unwrap();
    let info = stack.info().clone();
    assert_eq!(info.base_url.port(), Some(stack.ports().site));
    let (code, home) = page(&info, "/");
    assert!(code == 200 && home.contains("</html>"), "{code}");
    assert!(info.throw_away && info.tier(Tier::Server).unwrap().concurrency >= Some(2));
    assert_eq!(info.toggles, BTreeMap::from([("KP_PAGE_SIZE".to_owned(), "12".to_owned())]));
    assert!(
        info.versions["Django"].starts_with("5.2") && info.versions.contains_key("Python"),
        "{:?}",
        info.versions
    );
    assert_eq!(status(&root).unwrap().owner, Some(std::process::id().cast_signed()));
    let (code, _) = page(&info, "/search/?q=the");
    assert_eq!(code, if info.tier(Tier::Engine).is_some() { 200 } else { 503 });

    if let Some(proxy) = info.tier(Tier::Proxy) {
        let (code, counters) = get(proxy.status_url.as_ref().unwrap().as_str());
        assert!(code == 200 && counters.contains("Active connections"), "{counters}");
        let access = PathBuf::from(proxy.access_log.as_ref().unwrap());
        wait_until("the access log has lines", || {
            std::fs::read_to_string(&access)
                .is_ok_and(|text| text.lines().any(|line| line.contains("\"uri\":\"/\"")))
        });
    }
    if let Some(engine) = info.tier(Tier::Engine) {
        let (code, health) = get(engine.url.as_ref().unwrap().join("/healthz").unwrap().as_str());
        assert!(code == 200 && health.contains("books"), "{health}");
    }

    attach_finds_its_tiers(&info);

    let second = up(&plan, &prepared, &Cancel::new(), &NullEventSink).unwrap_err();
    assert!(matches!(second, StackError::AlreadyUp { .. }), "{second}");

    let before = workers(&stack);
    assert_eq!(before.len(), usize::from(plan.topology.workers_here()));
    kill_9(before[0]);
    wait_until("the killed worker is replaced", || {
        let now = workers(&stack);
        now.len() == before.len() && !now.contains(&before[0])
    });
    stack.check(&Cancel::new()).unwrap();

    let (sessions, ports) = (sessions(&info), ports(&info));
    let report = stack.down(GRACE);
    assert_eq!(report.leftovers, []);
    assert_eq!(report.stopped.len(), info.tiers.len());
    assert_nothing_is_left(&sessions, &ports);
    assert!(status(&root).is_none() && !root.join("stack/run").exists());
    for entry in std::fs::read_dir(&logs).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains("not-to-be-seen"));
    }
}

#[test]
fn every_topology_comes_up_without_an_engine_and_starts_from_the_same_data() {
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let prepared = prepared(&root);
    let snapshot = std::fs::read(prepared.data.join("db.sqlite3")).unwrap();
    for topology in ["runserver", "gunicorn"] {
        let plan = NativePlan { engine: None, ..plan(topology, 22_100) };
        let stack = up(&plan, &prepared, &Cancel::new(), &NullEventSink).unwrap();
        let copy = root.join("stack/run/data/db.sqlite3");
        assert!(std::fs::read(&copy).unwrap() == snapshot, "a copy of the snapshot");
        assert!(stack.info().tier(Tier::Engine).is_none() && stack.info().tier(Tier::Proxy).is_none());
        assert_eq!(page(stack.info(), "/").0, 200);
        assert_eq!(page(stack.info(), "/catalogue/").0, 200);
        assert_eq!(page(stack.info(), "/search/?q=the").0, 503, "a notice, since there is no engine");
        let sessions = sessions(stack.info());
        // Not taken down, only dropped.
        drop(stack);
        assert_nothing_is_left(&sessions, &[]);
    }
    assert!(
        std::fs::read(prepared.data.join("db.sqlite3")).unwrap() == snapshot,
        "the snapshot was not touched"
    );
}

#[test]
fn a_failed_start_reports_why_and_leaves_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let prepared = prepared(&root);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = NativePlan { ports: PortPlan { site: port, fixed: true }, ..plan("gunicorn", port) };
    let error = up(&taken, &prepared, &Cancel::new(), &NullEventSink).unwrap_err();
    assert!(
        matches!(&error, StackError::PortTaken { holder: Some(holder), .. } if holder.pid == std::process::id()),
        "{error}"
    );

    let env = BTreeMap::from([("KP_FAULTS".to_owned(), "no_such_fault".to_owned())]);
    let faulty = NativePlan { env, ..plan("gunicorn", 22_200) };
    let error = up(&faulty, &prepared, &Cancel::new(), &NullEventSink).unwrap_err();
    let text = error.to_string();
    assert!(matches!(&error, StackError::NotReady(failure) if failure.service == "gunicorn"), "{text}");
    assert!(text.contains("no_such_fault") && text.contains("use n_plus_one"), "{text}");
    assert!(status(&root).is_none());

    let cancel = Cancel::new();
    let asked = cancel.clone();
    let stopper = thread::spawn(move || {
        thread::sleep(Duration::from_millis(150));
        asked.cancel();
    });
    let error = up(&plan("gunicorn", 22_200), &prepared, &cancel, &NullEventSink).unwrap_err();
    stopper.join().unwrap();
    assert!(matches!(error, StackError::Cancelled), "{error}");
    assert!(status(&root).is_none() && !root.join("stack/run").exists());
}

#[test]
fn two_stacks_that_come_up_at_once_use_different_ports() {
    let temp = tempfile::tempdir().unwrap();
    let stacks: Vec<NativeStack> = thread::scope(|scope| {
        let come_up = |name: &str| {
            let root = root(&temp.path().join(name));
            let plan = NativePlan { topology: best(), ..plan("gunicorn", 22_600) };
            scope.spawn(move || up(&plan, &prepared(&root), &Cancel::new(), &NullEventSink).unwrap())
        };
        let both = [come_up("base"), come_up("head")];
        both.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let all: Vec<u16> = stacks.iter().flat_map(|stack| ports(stack.info())).collect();
    let different: std::collections::BTreeSet<u16> = all.iter().copied().collect();
    assert_eq!(different.len(), all.len(), "{all:?}");
    for stack in stacks {
        attach_finds_its_tiers(stack.info());
        assert_eq!(stack.down(GRACE).leftovers, []);
    }
}

#[test]
fn a_detached_stack_outlives_its_handle_and_is_taken_down_by_its_record() {
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let prepared = prepared(&root);
    let plan = NativePlan { topology: best(), lifetime: Lifetime::Detached, ..plan("gunicorn", 22_300) };
    let stack = up(&plan, &prepared, &Cancel::new(), &NullEventSink).unwrap();
    let info = stack.info().clone();
    drop(stack);
    assert_eq!(page(&info, "/").0, 200);
    let seen = status(&root).unwrap();
    assert!(seen.owner.is_none() && !seen.orphaned && seen.info.as_ref() == Some(&info));
    assert!(matches!(
        up(&plan, &prepared, &Cancel::new(), &NullEventSink),
        Err(StackError::AlreadyUp { .. })
    ));
    let (sessions, ports) = (sessions(&info), ports(&info));
    let report = down_recorded(&root, GRACE, false).unwrap();
    assert!(report.leftovers.is_empty() && report.stopped.len() == info.tiers.len(), "{report:?}");
    assert_nothing_is_left(&sessions, &ports);
    assert!(status(&root).is_none());
}

#[test]
fn kill_9_of_the_owner_leaves_nothing_and_the_next_up_works() {
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let prepared = prepared(&root);
    let owner = start_owner("owner_entry", &root, temp.path());
    wait_until("the owner's stack is up", || {
        assert!(owner.is_alive(), "{}", owner.log_tail(4000));
        root.join("up").exists()
            && serde_json::from_slice::<StackInfo>(&std::fs::read(root.join("up")).unwrap()).is_ok()
    });
    let info: StackInfo = serde_json::from_slice(&std::fs::read(root.join("up")).unwrap()).unwrap();
    let sessions = sessions(&info);
    let refused = down_recorded(&root, GRACE, false).unwrap();
    assert_eq!(refused.in_use_by, Some(owner.pid()));
    kill_9(owner.pid());
    wait_until("its services end with it", || sessions.iter().all(|session| !session.is_alive()));
    assert!(status(&root).is_none() && root.join("stack/state.json").exists(), "the record is stale");
    let plan = NativePlan { topology: best(), ..plan("gunicorn", 22_400) };
    let stack = up(&plan, &prepared, &Cancel::new(), &NullEventSink).unwrap();
    assert_eq!(page(stack.info(), "/").0, 200);
    assert_eq!(stack.down(GRACE).leftovers, []);
}
