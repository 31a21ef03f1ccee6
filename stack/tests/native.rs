//! The native driver end to end: prepares (cached between runs), comes up, answers, survives a killed worker, goes down
//! without leaving a process or a port, and comes up again after its owner was killed.
//!
//! The first run downloads Python packages and seeds the data; `KNEEPOINT_TEST_ROOT` says where that is kept (default: the
//! target folder). Each test has its own root, which shares that cache, so that the tests can run side by side.
//! Long because the tests share one prepared stack and its helpers.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::Silent;
use kneepoint_model::stack::{Driver, StackInfo};
use kneepoint_model::tier::Tier;
use kneepoint_process::{ProcStat, Program, Service, SessionRef, StartOptions, watchdog};
use kneepoint_stack::{
    AttachPlan, Lifetime, PortPlan, PreparePlan, Prepared, RunningStack, Size, StackError, Topology, UpPlan,
    WatchdogCommand, attach, down_recorded, prepare, status, up,
};

const GRACE: Duration = Duration::from_secs(8);
const OWNER: &str = "KNEEPOINT_TEST_STACK_OWNER";
/// The data of this seed is made, and its maker killed, in each run.
const KILLED_SEED: u64 = 777;

/// `target/`, wherever this test binary was built to.
fn target() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned()
}

/// A root of its own for each test, with the shared cache.
fn root(temp: &Path) -> PathBuf {
    let shared = std::env::var_os("KNEEPOINT_TEST_ROOT")
        .map_or_else(|| target().join("kneepoint-test"), PathBuf::from);
    std::fs::create_dir_all(shared.join("cache")).unwrap();
    let root = temp.join(".kneepoint");
    std::fs::create_dir_all(&root).unwrap();
    symlink(shared.join("cache"), root.join("cache")).unwrap();
    root
}

fn prepared(root: &Path) -> Prepared {
    let plan = PreparePlan { root: root.to_owned(), size: Size::S, seed: 1, python: None };
    prepare(&plan, &Cancel::new(), &Silent).unwrap()
}

/// The engine of this build, when there is one.
fn engine() -> Option<Vec<String>> {
    let engine = target().join("release/kneepoint-engine");
    engine.exists().then(|| vec![engine.to_string_lossy().into_owned()])
}

fn this_test(name: &str) -> WatchdogCommand {
    let args = [name, "--exact", "--ignored", "--nocapture"].map(str::to_owned).to_vec();
    WatchdogCommand { exe: std::env::current_exe().unwrap(), args }
}

fn plan(topology: &str, port: u16) -> UpPlan {
    UpPlan {
        slot: None,
        topology: Topology::named(topology).unwrap(),
        ports: PortPlan { site: port, fixed: false },
        env: BTreeMap::new(),
        logs: None,
        lifetime: Lifetime::DieWithParent,
        engine: engine(),
        watchdog: Some(this_test("watchdog_entry")),
    }
}

/// nginx where it is installed: the tests must also pass where it is not.
fn best() -> Topology {
    Topology::default_here().unwrap().0
}

fn get(url: &str) -> (u16, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        let answer = client.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    })
}

fn page(info: &StackInfo, path: &str) -> (u16, String) {
    get(info.base_url.join(path).unwrap().as_str())
}

fn wait_until(what: &str, mut true_now: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !true_now() {
        assert!(Instant::now() < until, "not within 20 s: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The sessions of all tiers: services lead their own.
fn sessions(info: &StackInfo) -> Vec<SessionRef> {
    let roots = info.tiers.iter().flat_map(|tier| &tier.roots);
    roots
        .map(|pid| {
            let stat = ProcStat::read(pid.cast_signed()).unwrap();
            SessionRef {
                session: kneepoint_process::SessionId(stat.session),
                leader_start_ticks: stat.start_ticks,
            }
        })
        .collect()
}

fn ports(info: &StackInfo) -> Vec<u16> {
    info.tiers.iter().filter_map(|tier| tier.url.as_ref()?.port()).collect()
}

fn assert_nothing_is_left(sessions: &[SessionRef], ports: &[u16]) {
    let alive: Vec<_> = sessions.iter().flat_map(|session| session.members()).collect();
    assert!(alive.is_empty(), "{alive:?}");
    for port in ports {
        TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], *port))).unwrap();
    }
}

fn workers(stack: &RunningStack) -> Vec<i32> {
    let server = stack.info().tier(Tier::Server).unwrap().roots[0].cast_signed();
    let members =
        sessions(stack.info()).into_iter().find(|session| session.session.0 == server).unwrap().members();
    let master = members.iter().find(|process| process.ppid == server).map(|process| process.pid);
    members.iter().filter(|process| Some(process.ppid) == master).map(|process| process.pid).collect()
}

/// What is found from outside is what was started.
fn attach_finds_its_tiers(info: &StackInfo) {
    for tier in info.tiers.iter().filter(|tier| tier.tier != Tier::Engine) {
        let plan = AttachPlan {
            url: tier.url.clone().unwrap(),
            host_header: None,
            access_log: None,
            pids: BTreeMap::new(),
            pprof: None,
            status_url: None,
            consent: false,
        };
        let found = attach(&plan, &Cancel::new()).unwrap();
        let seen = found.tier(tier.tier).unwrap();
        assert_eq!((&seen.roots, seen.runtime), (&tier.roots, tier.runtime), "{found:?}");
        assert!(found.driver == Driver::Attach && !found.throw_away);
    }
}

fn kill_9(pid: i32) {
    Program::new("kill").args(["-9", &pid.to_string()]).run(Duration::from_secs(5)).unwrap();
}

/// This very binary under another role, to be killed.
fn start_owner(role: &str, root: &Path, logs: &Path) -> Service {
    let command = this_test(role);
    let log = Some(logs.join("owner.log"));
    let options = StartOptions { name: "owner".to_owned(), log, lifetime: Lifetime::DieWithParent };
    Program::new(&command.exe).args(&command.args).env(OWNER, root).start(options).unwrap()
}

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
    let plan = UpPlan { topology: best(), ..plan("gunicorn", 22_400) };
    let stack = up(&plan, &prepared(&root), &Cancel::new(), &Silent).unwrap();
    std::fs::write(root.join("up"), serde_json::to_vec(stack.info()).unwrap()).unwrap();
    thread::sleep(Duration::from_mins(1));
}

#[test]
#[ignore = "not a test: the preparing owner that is killed in a test below"]
fn preparing_entry() {
    let Ok(root) = std::env::var(OWNER) else { return };
    let plan = PreparePlan { root: PathBuf::from(root), size: Size::S, seed: KILLED_SEED, python: None };
    prepare(&plan, &Cancel::new(), &Silent).unwrap();
}

#[test]
fn kill_9_while_preparing_leaves_nothing_half_done() {
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
    let plan = PreparePlan { root: root.clone(), size: Size::S, seed: KILLED_SEED, python: None };
    let again = prepare(&plan, &Cancel::new(), &Silent).unwrap();
    assert!(again.data.file_name() == place.file_name() && !part.exists());
    for name in ["db.sqlite3", "books.jsonl", "static"] {
        assert!(again.data.join(name).exists(), "{name}");
    }
    // The next run of this test must have something to make.
    std::fs::remove_dir_all(&place).unwrap();
}

#[test]
fn comes_up_answers_heals_and_goes_down() {
    let temp = tempfile::tempdir().unwrap();
    // A path that neither nginx nor a Unix socket likes.
    let root = root(&temp.path().join("a project; with blanks and 100%").join("x".repeat(60)));
    let prepared = prepared(&root);
    let logs = temp.path().join("logs");
    let plan = UpPlan {
        topology: best(),
        logs: Some(logs.clone()),
        env: BTreeMap::from([
            ("KP_PAGE_SIZE".to_owned(), "12".to_owned()),
            ("KP_SECRET_KEY".to_owned(), "not-to-be-seen".to_owned()),
        ]),
        ..plan("gunicorn", 22_000)
    };
    let stack = up(&plan, &prepared, &Cancel::new(), &Silent).unwrap();
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

    let second = up(&plan, &prepared, &Cancel::new(), &Silent).unwrap_err();
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
        let plan = UpPlan { engine: None, ..plan(topology, 22_100) };
        let stack = up(&plan, &prepared, &Cancel::new(), &Silent).unwrap();
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
fn what_cannot_come_up_says_why_and_leaves_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let prepared = prepared(&root);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = UpPlan { ports: PortPlan { site: port, fixed: true }, ..plan("gunicorn", port) };
    let error = up(&taken, &prepared, &Cancel::new(), &Silent).unwrap_err();
    assert!(
        matches!(&error, StackError::PortTaken { holder: Some(holder), .. } if holder.pid == std::process::id()),
        "{error}"
    );

    let env = BTreeMap::from([("KP_FAULTS".to_owned(), "no_such_fault".to_owned())]);
    let faulty = UpPlan { env, ..plan("gunicorn", 22_200) };
    let error = up(&faulty, &prepared, &Cancel::new(), &Silent).unwrap_err();
    let text = error.to_string();
    assert!(matches!(&error, StackError::NotReady(trouble) if trouble.service == "gunicorn"), "{text}");
    assert!(text.contains("no_such_fault") && text.contains("use n_plus_one"), "{text}");
    assert!(status(&root).is_none());

    let cancel = Cancel::new();
    let asked = cancel.clone();
    let stopper = thread::spawn(move || {
        thread::sleep(Duration::from_millis(150));
        asked.set();
    });
    let error = up(&plan("gunicorn", 22_200), &prepared, &cancel, &Silent).unwrap_err();
    stopper.join().unwrap();
    assert!(matches!(error, StackError::Cancelled), "{error}");
    assert!(status(&root).is_none() && !root.join("stack/run").exists());
}

#[test]
fn two_stacks_that_come_up_at_once_do_not_take_each_others_ports() {
    let temp = tempfile::tempdir().unwrap();
    let stacks: Vec<RunningStack> = thread::scope(|scope| {
        let come_up = |name: &str| {
            let root = root(&temp.path().join(name));
            let plan = UpPlan { topology: best(), ..plan("gunicorn", 22_600) };
            scope.spawn(move || up(&plan, &prepared(&root), &Cancel::new(), &Silent).unwrap())
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
    let plan = UpPlan { topology: best(), lifetime: Lifetime::Detached, ..plan("gunicorn", 22_300) };
    let stack = up(&plan, &prepared, &Cancel::new(), &Silent).unwrap();
    let info = stack.info().clone();
    drop(stack);
    assert_eq!(page(&info, "/").0, 200);
    let seen = status(&root).unwrap();
    assert!(seen.owner.is_none() && !seen.orphaned && seen.info.as_ref() == Some(&info));
    assert!(matches!(up(&plan, &prepared, &Cancel::new(), &Silent), Err(StackError::AlreadyUp { .. })));
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
    let plan = UpPlan { topology: best(), ..plan("gunicorn", 22_400) };
    let stack = up(&plan, &prepared, &Cancel::new(), &Silent).unwrap();
    assert_eq!(page(stack.info(), "/").0, 200);
    assert_eq!(stack.down(GRACE).leftovers, []);
}
