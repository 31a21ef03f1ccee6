//! What all tests of the native driver share.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::NullEventSink;
use kneepoint_model::stack::{Driver, StackInfo};
use kneepoint_model::tier::Tier;
use kneepoint_process::{ProcStat, Program, Service, SessionRef, StartOptions};
use kneepoint_stack::native::{
    NativePlan, NativePrepare, NativePrepared, NativeStack, PrepareNeeds, prepare,
};
use kneepoint_stack::{AttachPlan, Lifetime, PortPlan, Size, Topology, WatchdogCommand, attach};

pub(crate) const GRACE: Duration = Duration::from_secs(8);
pub(crate) const OWNER: &str = "KNEEPOINT_TEST_STACK_OWNER";
/// In each run the process that makes the data of this seed is killed.
pub(crate) const KILLED_SEED: u64 = 777;

/// `target/`, wherever this test binary was built to.
pub(crate) fn target() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned()
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

pub(crate) fn prepared(root: &Path) -> NativePrepared {
    let plan = NativePrepare {
        root: root.to_owned(),
        size: Size::S,
        seed: 1,
        python: None,
        needs: PrepareNeeds::default(),
    };
    prepare(&plan, &Cancel::new(), &NullEventSink).unwrap()
}

/// The engine of this build; `None` when it was not built.
pub(crate) fn engine() -> Option<Vec<String>> {
    let engine = target().join("release/kneepoint-engine");
    engine.exists().then(|| vec![engine.to_string_lossy().into_owned()])
}

pub(crate) fn this_test(name: &str) -> WatchdogCommand {
    let args = [name, "--exact", "--ignored", "--nocapture"].map(str::to_owned).to_vec();
    WatchdogCommand { exe: std::env::current_exe().unwrap(), args }
}

pub(crate) fn plan(topology: &str, port: u16) -> NativePlan {
    NativePlan {
        slot: None,
        topology: Topology::named(topology).unwrap(),
        ports: PortPlan { site: port, fixed: false },
        env: BTreeMap::new(),
        logs: None,
        lifetime: Lifetime::DieWithParent,
        engine: engine(),
        objects: None,
        watchdog: Some(this_test("watchdog_entry")),
    }
}

/// nginx where it is installed: the tests must also pass where it is not.
pub(crate) fn best() -> Topology {
    Topology::default_here().unwrap().0
}

pub(crate) fn get(url: &str) -> (u16, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        let response = client.get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    })
}

pub(crate) fn page(info: &StackInfo, path: &str) -> (u16, String) {
    get(info.base_url.join(path).unwrap().as_str())
}

pub(crate) fn wait_until(what: &str, mut true_now: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !true_now() {
        assert!(Instant::now() < until, "not within 20 s: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The sessions of all tiers: services lead their own.
pub(crate) fn sessions(info: &StackInfo) -> Vec<SessionRef> {
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

pub(crate) fn ports(info: &StackInfo) -> Vec<u16> {
    info.tiers.iter().filter_map(|tier| tier.url.as_ref()?.port()).collect()
}

pub(crate) fn assert_nothing_is_left(sessions: &[SessionRef], ports: &[u16]) {
    let alive: Vec<_> = sessions.iter().flat_map(|session| session.members()).collect();
    assert!(alive.is_empty(), "{alive:?}");
    for port in ports {
        TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], *port))).unwrap();
    }
}

pub(crate) fn workers(stack: &NativeStack) -> Vec<i32> {
    let server = stack.info().tier(Tier::Server).unwrap().roots[0].cast_signed();
    let members =
        sessions(stack.info()).into_iter().find(|session| session.session.0 == server).unwrap().members();
    let master = members.iter().find(|process| process.ppid == server).map(|process| process.pid);
    members.iter().filter(|process| Some(process.ppid) == master).map(|process| process.pid).collect()
}

/// Attaching finds the tiers that were started.
pub(crate) fn attach_finds_its_tiers(info: &StackInfo) {
    for tier in info.tiers.iter().filter(|tier| tier.tier != Tier::Engine) {
        let plan = AttachPlan {
            url: tier.url.clone().unwrap(),
            host_header: None,
            via: kneepoint_model::via::Via::default(),
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

pub(crate) fn kill_9(pid: i32) {
    Program::new("kill").args(["-9", &pid.to_string()]).run(Duration::from_secs(5)).unwrap();
}

/// This test binary in another role, to be killed.
pub(crate) fn start_owner(role: &str, root: &Path, logs: &Path) -> Service {
    let command = this_test(role);
    let log = Some(logs.join("owner.log"));
    let options = StartOptions { name: "owner".to_owned(), log, lifetime: Lifetime::DieWithParent };
    Program::new(&command.exe).args(&command.args).env(OWNER, root).start(options).unwrap()
}

/// The object store of this build; `None` when it was not built.
pub(crate) fn objects() -> Option<Vec<String>> {
    let objects = target().join("release/kneepoint-objects");
    objects.exists().then(|| vec![objects.to_string_lossy().into_owned()])
}

/// Whether these programs are installed. A missing one fails the test, unless `KNEEPOINT_WITHOUT_TOOLS` skips such tests, which
/// is then printed.
pub(crate) fn has(programs: &[&str]) -> bool {
    let missing: Vec<&str> =
        programs.iter().copied().filter(|program| kneepoint_process::find(program).is_none()).collect();
    if missing.is_empty() {
        return true;
    }
    let missing = missing.join(", ");
    let asked = std::env::var_os("KNEEPOINT_WITHOUT_TOOLS").is_some();
    assert!(
        asked,
        "not installed: {missing}; `ci/prepare` brings it, KNEEPOINT_WITHOUT_TOOLS=1 leaves the test out"
    );
    print_line(&format!("\n*** SKIPPED BY REQUEST, NOT TESTED: {missing} not installed ***\n"));
    false
}

/// Prints to stderr directly, since the test harness captures the output of passing tests.
pub(crate) fn print_line(words: &str) {
    let _ = writeln!(std::io::stderr(), "{words}");
}

/// Proportional memory of these processes and all in their sessions, in MiB.
pub(crate) fn mebibytes(roots: &[u32]) -> f64 {
    let members = roots.iter().flat_map(|root| {
        kneepoint_process::session::members(kneepoint_process::SessionId(root.cast_signed()))
    });
    let pss = |pid: i32| -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").trim().parse().unwrap_or(0)
    };
    members.map(|process| pss(process.pid)).sum::<u64>() as f64 / 1024.0
}
