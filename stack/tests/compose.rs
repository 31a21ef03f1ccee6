//! The compose driver against a real Docker daemon: the whole stack comes up, answers on every tier, is seen through, and
//! goes down with nothing left; what fails is told and leaves nothing either; what was killed is cleaned.
//!
//! The first run makes images and data; `KNEEPOINT_TEST_ROOT` says where the data is kept (default: the target folder).
//! kneepoint's own program runs in two of the containers: build it first (`cargo build --release -p kneepoint`).
//! Longer than other files: the tests take turns at one daemon, and share the images, the data and the helpers below.
//!
//! Without Docker the tests fail, unless `KNEEPOINT_WITHOUT_DOCKER=1` says that this is a machine without it.
//! Long because the tests share one prepared stack and its helpers.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]
#![expect(clippy::print_stderr, reason = "what is left out, and what was measured, is said aloud")]

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::{Event, EventSink};
use kneepoint_model::experiment::Rollout;
use kneepoint_model::stack::{Driver, Instrument, StackInfo};
use kneepoint_model::tier::Tier;
use kneepoint_process::{ProcessError, Program, Service, StartOptions, session, watchdog};
use kneepoint_stack::compose::{
    ComposeGuard, ComposePlan, ComposePrepare, ComposePrepared, ComposeStack, clean, down_recorded, holdings,
    prepare, status, up,
};
use kneepoint_stack::{Lifetime, PortPlan, Size, StackError, Topology, WatchdogCommand};

const GRACE: Duration = Duration::from_secs(5);
/// Tells a copy of this test binary what to do, and under which root.
const ROLE: &str = "KNEEPOINT_TEST_COMPOSE_ROOT";

/// The machine has few cores, and stacks are large: one at a time.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether there is meant to be no Docker here: then each test says so and does nothing.
fn without_docker() -> bool {
    let without = std::env::var_os("KNEEPOINT_WITHOUT_DOCKER").is_some_and(|value| value == "1");
    if without {
        eprintln!("SKIPPED, NOT PASSED: KNEEPOINT_WITHOUT_DOCKER=1, nothing of the compose driver was tried");
    }
    without
}

/// `target/`, wherever this test binary was built to.
fn target() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned()
}

fn binary() -> PathBuf {
    let built = target().join("release/kneepoint");
    let binary = std::env::var_os("KNEEPOINT_TEST_BINARY").map_or(built, PathBuf::from);
    assert!(binary.exists(), "{} is missing: cargo build --release -p kneepoint", binary.display());
    binary
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

/// Says what is announced, so that a slow step has a name.
struct Told(Instant);

impl EventSink for Told {
    fn emit(&self, event: Event) {
        let at = self.0.elapsed().as_secs_f64();
        match event {
            Event::Progress { message, .. }
            | Event::Note { message, .. }
            | Event::Warning { message, .. } => {
                eprintln!("{at:6.1} s  {message}");
            }
            Event::StageStarted { .. } | Event::StageEnded { .. } => {}
        }
    }
}

fn told() -> Told {
    Told(Instant::now())
}

fn this_test(name: &str) -> Vec<String> {
    let exe = std::env::current_exe().unwrap().to_string_lossy().into_owned();
    [&exe, name, "--exact", "--ignored", "--nocapture"].map(ToString::to_string).to_vec()
}

fn guard() -> ComposeGuard {
    let watchdog = this_test("watchdog_entry");
    let watchdog = WatchdogCommand { exe: PathBuf::from(&watchdog[0]), args: watchdog[1..].to_vec() };
    // `--skip` takes any word, so the two that are added do not choose tests.
    let cleaner = this_test("cleaner_entry").into_iter().chain(["--skip".to_owned()]).collect();
    ComposeGuard { watchdog, cleaner }
}

fn prepared(root: &Path, topologies: &[&str]) -> ComposePrepared {
    let plan = ComposePrepare {
        root: root.to_owned(),
        size: Size::S,
        seed: 1,
        topologies: topologies.iter().map(|name| Topology::named(name).unwrap()).collect(),
        binary: binary(),
        guard: Some(guard()),
    };
    prepare(&plan, &Cancel::new(), &told()).unwrap()
}

fn plan(topology: &str, port: u16) -> ComposePlan {
    ComposePlan {
        slot: None,
        topology: Topology::named(topology).unwrap(),
        ports: PortPlan { site: port, fixed: false },
        env: BTreeMap::new(),
        quotas: false,
        logs: None,
        lifetime: Lifetime::DieWithParent,
        guard: Some(guard()),
    }
}

fn brought_up(plan: &ComposePlan, prepared: &ComposePrepared) -> ComposeStack {
    up(plan, prepared, &Cancel::new(), &told()).unwrap()
}

fn docker(args: &[&str]) -> String {
    Program::new("docker").args(args).run(Duration::from_mins(1)).unwrap().stdout_text()
}

/// Names of all that Docker holds of one project, asked by other words than the driver's own.
fn of(project: &str) -> Vec<String> {
    let named = |list: String| {
        list.lines().filter(|name| name.contains(project)).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut all = named(docker(&["ps", "--all", "--format", "{{.Names}}"]));
    all.extend(named(docker(&["volume", "ls", "--format", "{{.Name}}"])));
    all.extend(named(docker(&["network", "ls", "--format", "{{.Name}}"])));
    all
}

fn assert_nothing_is_left(root: &Path) {
    let left = holdings(root).unwrap();
    assert!(left.is_empty(), "{}", left.names());
}

/// The project of a running stack, as its containers are labelled.
fn project(info: &StackInfo) -> String {
    let container = info.tiers[0].containers[0].clone();
    let format = "{{index .Config.Labels \"org.kneepoint.stack\"}}";
    docker(&["inspect", "--format", format, &container]).trim().to_owned()
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
fn the_whole_stack_answers_and_leaves_nothing() {
    if without_docker() {
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
    assert_eq!(of(&project), [""; 0]);
    let access = std::fs::read_to_string(proxy.access_log.as_ref().unwrap()).unwrap();
    assert!(access.lines().count() >= 5 && access.contains("/catalogue/"), "{access}");
    let logs = root.join("compose/logs");
    assert!(std::fs::read_to_string(logs.join("db.log")).unwrap().contains("ready for connections"));
    assert!(status(&root).unwrap().is_none());
}

/// A small stack: one container of the site on SQLite, and the engine.
fn small(port: u16) -> ComposePlan {
    plan("runserver", port)
}

#[test]
fn a_container_that_is_killed_is_named_and_its_log_is_kept() {
    if without_docker() {
        return;
    }
    let _turn = turn();
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let prepared = prepared(&root, &["runserver"]);
    let stack = brought_up(&small(18_440), &prepared);
    let info = stack.info().clone();
    assert_eq!(page(&info, "/catalogue/").0, 200);
    assert!(info.tier(Tier::Db).is_none() && info.tier(Tier::Server).unwrap().what.contains("runserver"));
    docker(&["kill", &info.tier(Tier::Engine).unwrap().containers[0]]);
    let error = stack.check(&Cancel::new()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StackError::Unhealthy(_)) && error.exit_code().code() == 5, "{text}");
    assert!(text.starts_with("engine is not well") && text.contains("signal 9 ended it"), "{text}");
    let project = project(&info);
    assert!(stack.down(GRACE).left.is_empty());
    assert!(root.join("compose/logs/engine.log").exists() && root.join("compose/logs/server.log").exists());
    assert_eq!(of(&project), [""; 0]);
}

#[test]
fn services_of_a_machine_share_its_quota() {
    if without_docker() {
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
        // Two processes in two containers that would like a whole core each have half a core together.
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
        // Another kind of cgroups, or no right to make them: then it must be said, or systemd has it.
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

/// Makes a manoeuvre while somebody asks for one page again and again, past every cache; gives how often.
fn under_visitors(stack: &mut ComposeStack, which: Rollout) -> u32 {
    let url = stack.info().base_url.join("/books/7/").unwrap();
    let (stop, asked) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        let visitor = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let (status, body) = get(&format!("{url}?{}", asked.fetch_add(1, Ordering::Relaxed)));
                assert_eq!(status, 200, "{body}");
            }
        });
        let report = stack.manoeuvre(which, &Cancel::new(), &told());
        stop.store(true, Ordering::Relaxed);
        visitor.join().unwrap();
        eprintln!("{:#?}", report.unwrap());
    });
    stack.check(&Cancel::new()).unwrap();
    asked.into_inner()
}

#[test]
fn servers_are_replaced_and_no_request_is_lost() {
    if without_docker() {
        return;
    }
    let _turn = turn();
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let prepared = prepared(&root, &["nginx", "balanced-lb"]);
    let mut stack = brought_up(&plan("nginx", 18_460), &prepared);
    let before = stack.info().tier(Tier::Server).unwrap().clone();
    assert!(under_visitors(&mut stack, Rollout::RollingRestart) > 5);
    assert!(under_visitors(&mut stack, Rollout::BlueGreen) > 5);
    let after = stack.info().tier(Tier::Server).unwrap().clone();
    assert!(after.containers != before.containers && after.roots != before.roots, "{after:?}");
    assert_eq!((after.roots.len(), after.containers.len()), (1, 1));
    assert!(stack.down(GRACE).left.is_empty());
    let mut stack = brought_up(&plan("balanced-lb", 18_460), &prepared);
    assert!(under_visitors(&mut stack, Rollout::RollingRestart) > 5);
    let impossible = stack.manoeuvre(Rollout::BlueGreen, &Cancel::new(), &told()).unwrap_err();
    assert!(impossible.to_string().contains("both are in use"), "{impossible}");
    assert!(stack.down(GRACE).left.is_empty());
    assert_nothing_is_left(&root);
}

/// A copy of this test binary that does one thing in an environment of its own.
fn copy(entry: &str, root: &Path) -> Program {
    let words = this_test(entry);
    Program::new(&words[0]).args(&words[1..]).env(ROLE, root)
}

fn entry_root() -> Option<PathBuf> {
    std::env::var_os(ROLE).map(PathBuf::from)
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
    let prepared = prepare(&wanted, &Cancel::new(), &told());
    let error = match prepared {
        Ok(prepared) => {
            up(&plan(&topology, 18_480), &prepared, &Cancel::new(), &told()).map(|_| ()).unwrap_err()
        }
        Err(error) => error,
    };
    panic!("EXIT {} {error}", error.exit_code().code());
}

/// How a doomed copy ended, in its own words.
fn doomed(root: &Path, topology: &str, variables: &[(&str, &str)]) -> String {
    let program = copy("doomed_entry", root).env("KNEEPOINT_TEST_TOPOLOGY", topology);
    let program = variables.iter().fold(program, |program, (name, value)| program.env(name, value));
    match program.run(Duration::from_mins(5)) {
        Err(ProcessError::Failed(failure)) => failure.output_tail,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_missing_is_told_with_its_own_exit_code() {
    if without_docker() {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let said = doomed(&root, "runserver", &[("PATH", "/no/such/folder")]);
    assert!(said.contains("EXIT 7 docker is not installed; `apt install docker.io"), "{said}");
    let said = doomed(&root, "runserver", &[("DOCKER_HOST", "unix:///no/such/docker.sock")]);
    assert!(
        said.contains("EXIT 7 no Docker daemon answers") && said.contains("systemctl start docker"),
        "{said}"
    );
    let said = doomed(&root, "runserver", &[("DOCKER_HOST", "tcp://192.0.2.1:2375")]);
    assert!(said.contains("EXIT 7 the Docker daemon at tcp://192.0.2.1:2375"), "{said}");
    // A folder with `docker` alone, and no plugins.
    let alone = temp.path().join("bin");
    std::fs::create_dir(&alone).unwrap();
    symlink(kneepoint_process::find("docker").unwrap(), alone.join("docker")).unwrap();
    let (alone, config) = (alone.to_string_lossy(), temp.path().to_string_lossy());
    if !has_plugin(&alone, &config) {
        let said = doomed(&root, "runserver", &[("PATH", &*alone), ("DOCKER_CONFIG", &*config)]);
        assert!(said.contains("EXIT 7 docker compose is not installed"), "{said}");
    }
}

/// Whether compose is a plugin of the whole system, which no variable hides.
fn has_plugin(path: &str, config: &str) -> bool {
    let ask =
        Program::new("docker").args(["compose", "version"]).env("PATH", path).env("DOCKER_CONFIG", config);
    ask.run(Duration::from_secs(20)).is_ok()
}

#[test]
fn a_database_that_does_not_come_up_is_told_with_its_log() {
    if without_docker() {
        return;
    }
    let _turn = turn();
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let said = doomed(&root, "gunicorn", &[("KP_MYSQL_IMAGE", "kneepoint/no-such-image:at-all")]);
    assert!(said.contains("EXIT 5 the image kneepoint/no-such-image:at-all cannot be had"), "{said}");
    assert!(said.contains("KP_MYSQL_IMAGE"), "{said}");
    // An image without a database in it, made of one that is here.
    let prepared = prepared(&root, &["runserver"]);
    let stack = brought_up(&small(18_490), &prepared);
    let container = stack.info().tier(Tier::Server).unwrap().containers[0].clone();
    let image = docker(&["inspect", "--format", "{{.Config.Image}}", &container]);
    stack.down(GRACE);
    let said = doomed(&root, "gunicorn", &[("KP_MYSQL_IMAGE", image.trim())]);
    assert!(said.contains("EXIT 5") && said.contains("mysqld"), "{said}");
    assert_nothing_is_left(&root);
}

#[test]
fn an_image_that_cannot_be_made_is_told_with_what_the_tool_said() {
    if without_docker() {
        return;
    }
    let _turn = turn();
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    // Nobody listens there; another index is another image, so that none from before will do.
    let index = "http://user:secret@127.0.0.1:9/simple";
    let said = doomed(&root, "runserver", &[("PIP_INDEX_URL", index)]);
    assert!(said.contains("EXIT 5") && said.contains("making the image of the site"), "{said}");
    assert!(said.contains("Connection refused") || said.contains("No matching distribution"), "{said}");
    assert!(said.contains("127.0.0.1") && !said.contains("secret"), "{said}");
    assert_nothing_is_left(&root);
}

#[test]
#[ignore = "not a test: what takes a stack down and is killed in the test below"]
fn down_entry() {
    let Some(root) = entry_root() else { return };
    down_recorded(&root, GRACE, false).unwrap();
}

/// Takes a stack down and kills that once the first container has ended; gives how much was left.
fn killed_down(root: &Path, prepared: &ComposePrepared) -> usize {
    let left = ComposePlan { lifetime: Lifetime::Detached, ..small(18_540) };
    let info = brought_up(&left, prepared).info().clone();
    let options = StartOptions { name: "down".to_owned(), log: None, lifetime: Lifetime::Detached };
    let down: Service = copy("down_entry", root).start(options).unwrap();
    let engine = &info.tier(Tier::Engine).unwrap().containers[0];
    let running = || docker(&["ps", "--format", "{{.Names}}"]).contains(engine.as_str());
    wait_until(40, "the first container is ended", || !running());
    assert_eq!(session::kill(down.session_ref(), Duration::ZERO), []);
    of(&project(&info)).len()
}

#[test]
fn a_down_that_is_killed_is_finished_by_the_next() {
    if without_docker() {
        return;
    }
    let _turn = turn();
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let prepared = prepared(&root, &["runserver"]);
    // A quick machine may be done before it is killed: then the test would show nothing, and is made again.
    let caught = (0..5).any(|_| killed_down(&root, &prepared) > 0);
    assert!(caught, "it was down each time before it was killed");
    let report = down_recorded(&root, GRACE, false).unwrap();
    assert!(report.left.is_empty(), "{report:?}");
    assert_nothing_is_left(&root);
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

/// Starts an owner, waits until its stack stands and kills it; gives the project.
fn killed_owner(root: &Path, guarded: bool) -> String {
    let options = StartOptions { name: "owner".to_owned(), log: None, lifetime: Lifetime::Detached };
    let program = copy("owner_entry", root);
    let program = if guarded { program.env("KNEEPOINT_TEST_GUARDED", "1") } else { program };
    let owner: Service = program.start(options).unwrap();
    let file = root.join("owner-is-up");
    wait_until(90, "the owner is up", || file.exists());
    let project = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(!of(&project).is_empty());
    assert_eq!(session::kill(owner.session_ref(), Duration::ZERO), []);
    project
}

fn wait_until(seconds: u64, what: &str, mut true_now: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(seconds);
    while !true_now() {
        assert!(Instant::now() < until, "not within {seconds} s: {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn kill_9_leaves_nothing_with_a_watchdog_and_nothing_after_the_next() {
    if without_docker() {
        return;
    }
    let _turn = turn();
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let project = killed_owner(&root, true);
    wait_until(40, "the watchdog's cleaner removed everything", || of(&project).is_empty());
    assert!(root.join("compose/logs/server.log").exists(), "the cleaner kept the logs");
    // Nobody watched this one: the next who comes clears it.
    let project = killed_owner(&root, false);
    assert!(status(&root).unwrap().unwrap().orphaned && !of(&project).is_empty());
    let prepared = prepared(&root, &["runserver"]);
    let stack = brought_up(&small(18_500), &prepared);
    assert_eq!(page(stack.info(), "/healthz").0, 200);
    stack.down(GRACE);
    // Neither did anybody watch this one, and its record is lost: the label is enough.
    let project = killed_owner(&root, false);
    std::fs::remove_file(root.join("compose/state.json")).unwrap();
    assert_eq!(down_recorded(&root, GRACE, false).unwrap().removed.counts(), "", "no record, no reason");
    let report = down_recorded(&root, GRACE, true).unwrap();
    assert!(report.left.is_empty() && report.removed.containers.len() == 2, "{report:?}");
    assert_eq!(of(&project), [""; 0]);
}

#[test]
fn ports_wishes_to_stop_and_stacks_that_are_left_standing() {
    if without_docker() {
        return;
    }
    let _turn = turn();
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let prepared = prepared(&root, &["runserver"]);
    let holder = std::net::TcpListener::bind("127.0.0.1:18520").unwrap();
    let fixed = ComposePlan { ports: PortPlan { site: 18_520, fixed: true }, ..small(18_520) };
    let refused = up(&fixed, &prepared, &Cancel::new(), &told()).unwrap_err();
    assert!(matches!(refused, StackError::PortTaken { port: 18_520, .. }), "{refused}");
    let cancel = Cancel::new();
    let wish = cancel.clone();
    let stopper = thread::spawn(move || {
        thread::sleep(Duration::from_millis(1500));
        wish.cancel();
    });
    let ended = up(&small(18_520), &prepared, &cancel, &told()).unwrap_err();
    assert!(matches!(ended, StackError::Cancelled), "{ended}");
    stopper.join().unwrap();
    assert_nothing_is_left(&root);
    // The port is held by us still, so that another is taken.
    let left = ComposePlan { lifetime: Lifetime::Detached, ..small(18_520) };
    let info = brought_up(&left, &prepared).info().clone();
    assert_eq!(page(&info, "/").0, 200, "it stands although its handle was dropped");
    let container = info.tier(Tier::Server).unwrap().containers[0].clone();
    let published = docker(&["port", &container, "8000"]);
    assert!(published.trim().starts_with("127.0.0.1:185") && !published.contains(":18520"), "{published}");
    drop(holder);
    let again = up(&small(18_530), &prepared, &Cancel::new(), &told()).unwrap_err();
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
