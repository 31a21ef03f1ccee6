//! What all tests of the compose driver share.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::{Event, EventSink};
use kneepoint_model::stack::StackInfo;
use kneepoint_process::Program;
use kneepoint_stack::compose::{
    ComposeGuard, ComposePlan, ComposePrepare, ComposePrepared, ComposeStack, list_resources, prepare, up,
};
use kneepoint_stack::{Lifetime, PortPlan, Size, Topology, WatchdogCommand};

pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// The root for a copy of this test binary that runs an entry.
pub(crate) const ROLE: &str = "KNEEPOINT_TEST_COMPOSE_ROOT";

/// The machine has few cores, and stacks are large: one at a time.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether this machine is declared to have no Docker: then each test reports that and does nothing.
pub(crate) fn skip_without_docker() -> bool {
    let without = std::env::var_os("KNEEPOINT_WITHOUT_DOCKER").is_some_and(|value| value == "1");
    if without {
        eprintln!("SKIPPED, NOT PASSED: KNEEPOINT_WITHOUT_DOCKER=1, the compose driver was not tested");
    }
    without
}

/// `target/`, wherever this test binary was built to.
pub(crate) fn target() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned()
}

pub(crate) fn binary() -> PathBuf {
    let built = target().join("release/kneepoint");
    let binary = std::env::var_os("KNEEPOINT_TEST_BINARY").map_or(built, PathBuf::from);
    assert!(binary.exists(), "{} is missing: cargo build --release -p kneepoint", binary.display());
    binary
}

/// A root of its own for each test, with the shared cache.
pub(crate) fn root(temp: &Path) -> PathBuf {
    let shared = std::env::var_os("KNEEPOINT_TEST_ROOT")
        .map_or_else(|| target().join("kneepoint-test"), PathBuf::from);
    std::fs::create_dir_all(shared.join("cache")).unwrap();
    let root = temp.join(".kneepoint");
    std::fs::create_dir_all(&root).unwrap();
    symlink(shared.join("cache"), root.join("cache")).unwrap();
    root
}

/// Prints progress, so that a slow step has a name.
pub(crate) struct PrintProgress(Instant);

impl EventSink for PrintProgress {
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

pub(crate) fn progress() -> PrintProgress {
    PrintProgress(Instant::now())
}

pub(crate) fn this_test(name: &str) -> Vec<String> {
    let exe = std::env::current_exe().unwrap().to_string_lossy().into_owned();
    [&exe, &format!("entries::{name}"), "--exact", "--ignored", "--nocapture"]
        .map(ToString::to_string)
        .to_vec()
}

pub(crate) fn guard() -> ComposeGuard {
    let watchdog = this_test("watchdog_entry");
    let watchdog = WatchdogCommand { exe: PathBuf::from(&watchdog[0]), args: watchdog[1..].to_vec() };
    // `--skip` takes any word, so the two added arguments do not select tests.
    let cleaner = this_test("cleaner_entry").into_iter().chain(["--skip".to_owned()]).collect();
    ComposeGuard { watchdog, cleaner }
}

pub(crate) fn prepared(root: &Path, topologies: &[&str]) -> ComposePrepared {
    let plan = ComposePrepare {
        root: root.to_owned(),
        size: Size::S,
        seed: 1,
        topologies: topologies.iter().map(|name| Topology::named(name).unwrap()).collect(),
        binary: binary(),
        guard: Some(guard()),
    };
    prepare(&plan, &Cancel::new(), &progress()).unwrap()
}

pub(crate) fn plan(topology: &str, port: u16) -> ComposePlan {
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

pub(crate) fn brought_up(plan: &ComposePlan, prepared: &ComposePrepared) -> ComposeStack {
    up(plan, prepared, &Cancel::new(), &progress()).unwrap()
}

pub(crate) fn docker(args: &[&str]) -> String {
    Program::new("docker").args(args).run(Duration::from_mins(1)).unwrap().stdout_text()
}

/// Names of all Docker resources of one project, listed independently of the driver.
pub(crate) fn docker_names(project: &str) -> Vec<String> {
    let named = |list: String| {
        list.lines().filter(|name| name.contains(project)).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut all = named(docker(&["ps", "--all", "--format", "{{.Names}}"]));
    all.extend(named(docker(&["volume", "ls", "--format", "{{.Name}}"])));
    all.extend(named(docker(&["network", "ls", "--format", "{{.Name}}"])));
    all
}

pub(crate) fn assert_nothing_is_left(root: &Path) {
    let left = list_resources(root).unwrap();
    assert!(left.is_empty(), "{}", left.names());
}

/// The project of a running stack, as its containers are labelled.
pub(crate) fn project(info: &StackInfo) -> String {
    let container = info.tiers[0].containers[0].clone();
    let format = "{{index .Config.Labels \"org.kneepoint.stack\"}}";
    docker(&["inspect", "--format", format, &container]).trim().to_owned()
}

pub(crate) fn get(url: &str) -> (u16, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        let answer = client.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    })
}

pub(crate) fn page(info: &StackInfo, path: &str) -> (u16, String) {
    get(info.base_url.join(path).unwrap().as_str())
}

/// A small stack: one container of the site on SQLite, and the engine.
pub(crate) fn small(port: u16) -> ComposePlan {
    plan("runserver", port)
}

/// A copy of this test binary that runs one entry of `entries.rs` in an environment of its own.
pub(crate) fn copy(entry: &str, root: &Path) -> Program {
    let words = this_test(entry);
    Program::new(&words[0]).args(&words[1..]).env(ROLE, root)
}

pub(crate) fn entry_root() -> Option<PathBuf> {
    std::env::var_os(ROLE).map(PathBuf::from)
}

pub(crate) fn wait_until(seconds: u64, what: &str, mut true_now: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(seconds);
    while !true_now() {
        assert!(Instant::now() < until, "not within {seconds} s: {what}");
        thread::sleep(Duration::from_millis(100));
    }
}
