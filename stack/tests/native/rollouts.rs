//! App servers are replaced while users are on the site: only the hard restart may lose requests.
//!
//! Users are raw sockets, so that no library retries a request. Half of them open a connection for each request; the others
//! keep theirs and do what HTTP allows: a GET on an idle connection that is closed before any byte of a response is sent again
//! on a new connection (RFC 9112, section 9.3.1).

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::NullEventSink;
use kneepoint_model::experiment::Rollout;
use kneepoint_model::tier::Tier;
use kneepoint_stack::native::{NativePlan, NativeStack, up};
use kneepoint_stack::{Balancer, RolloutReport, StackError, Topology};

use super::support::*;

const GET: &str = "GET /catalogue/ HTTP/1.1\r\nHost: localhost\r\n";
const BODY: &str = "{\"title\": \"Draining\", \"author\": 1, \"publication_date\": \"2020-02-02\", \"isbn\": \"978-3-16-148410-0\", \
    \"summary\": \"x\", \"genre\": \"history\", \"price\": \"9.99\", \"stock\": 1}";

/// Responses before and after a rollout; a number and not a time, since machines may be busy.
const AROUND: u64 = 60;
/// Usually these responses take a second or two.
const TIMEOUT: Duration = Duration::from_mins(1);

#[derive(Default)]
struct RequestCounts {
    good: AtomicU64,
    /// Of these, during the rollout.
    during: AtomicU64,
    again: AtomicU64,
    /// Number of lost requests by method and reason.
    lost: Mutex<BTreeMap<String, u64>>,
}

impl RequestCounts {
    fn count_lost(&self, verb: &str, why: &str) {
        *self.lost.lock().unwrap().entry(format!("{verb}: {why}")).or_default() += 1;
    }

    fn lost(&self) -> u64 {
        self.lost.lock().unwrap().values().sum()
    }

    fn good(&self) -> u64 {
        self.good.load(Ordering::Relaxed)
    }

    /// Waits for this many further responses, good or bad.
    fn wait_for_responses(&self, answers: u64) {
        let began = Instant::now();
        let responses = || self.good() + self.lost();
        let wanted = responses() + answers;
        while responses() < wanted {
            assert!(began.elapsed() < TIMEOUT, "users get no responses");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Status and `Server` header, which shows whether gunicorn or a proxy sent the response.
fn describe_refusal(head: &str) -> String {
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    let server = lines.find(|line| line.to_ascii_lowercase().starts_with("server:"));
    format!("{status} ({})", server.unwrap_or("no Server header"))
}

fn post() -> String {
    let length = BODY.len();
    format!(
        "POST /api/books/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
    )
}

/// Head of one complete response, or the bytes read and the error.
fn exchange(stream: &mut TcpStream, request: &str) -> Result<String, (usize, String)> {
    let failed = |read: usize| move |error: std::io::Error| (read, error.to_string());
    stream.write_all(request.as_bytes()).map_err(failed(0))?;
    let mut all = Vec::new();
    let mut part = [0; 16 * 1024];
    loop {
        let read = stream.read(&mut part).map_err(failed(all.len()))?;
        all.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&all);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_ascii_lowercase();
            let length = lower.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            let whole = match length.and_then(|length| length.trim().parse::<usize>().ok()) {
                Some(length) => body.len() >= length,
                None => body.ends_with("0\r\n\r\n") || read == 0,
            };
            if whole {
                return Ok(head.to_owned());
            }
        }
        if read == 0 {
            return Err((all.len(), "the connection was closed before the response was complete".to_owned()));
        }
    }
}

fn connect(port: u16) -> Result<TcpStream, String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_nodelay(true).unwrap();
    Ok(stream)
}

/// Stops the users, also when a rollout panics.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One user, until `stop` is set.
fn send_requests(port: u16, keep_alive: bool, request: &str, stop: &AtomicBool, counts: &RequestCounts) {
    let request = format!("{request}Connection: {}\r\n\r\n", if keep_alive { "keep-alive" } else { "close" });
    let request = if request.starts_with("POST") { format!("{request}{BODY}") } else { request };
    let verb = request.split(' ').next().unwrap_or_default().to_owned();
    let mut idle: Option<TcpStream> = None;
    while !stop.load(Ordering::Relaxed) {
        let reused = idle.is_some();
        let stream = idle.take().map_or_else(|| connect(port), Ok);
        let answer = stream.map_err(|error| (0, error)).and_then(|mut stream| {
            let head = exchange(&mut stream, &request)?;
            Ok((head, stream))
        });
        match answer {
            Ok((head, stream)) if head.starts_with("HTTP/1.1 20") => {
                counts.good.fetch_add(1, Ordering::Relaxed);
                let closes = head.to_ascii_lowercase().contains("connection: close");
                idle = (keep_alive && !closes).then_some(stream);
            }
            Err((0, _)) if reused && request.starts_with("GET") => {
                counts.again.fetch_add(1, Ordering::Relaxed);
            }
            Ok((head, _)) => counts.count_lost(&verb, &describe_refusal(&head)),
            Err((_, why)) => counts.count_lost(&verb, &why),
        }
        thread::sleep(Duration::from_millis(3));
    }
}

/// Makes a rollout, with users on the site before, during and after it.
fn under_load(stack: &mut NativeStack, which: Rollout, with_posts: bool) -> (RequestCounts, RolloutReport) {
    let port = stack.ports().site;
    let (stop, counts) = (AtomicBool::new(false), RequestCounts::default());
    let write = post();
    let report = thread::scope(|scope| {
        for keep_alive in [true, false] {
            scope.spawn(|| send_requests(port, true, GET, &stop, &counts));
            let (stop, counts, write) = (&stop, &counts, &write);
            scope.spawn(move || send_requests(port, keep_alive, GET, stop, counts));
            if with_posts {
                scope.spawn(move || send_requests(port, false, write, stop, counts));
            }
        }
        let _stop_on_drop = StopOnDrop(&stop);
        counts.wait_for_responses(AROUND);
        let before = counts.good();
        let report = stack.roll_out(which, &Cancel::new(), &NullEventSink);
        counts.during.store(counts.good() - before, Ordering::Relaxed);
        counts.wait_for_responses(AROUND);
        report
    });
    let report = report.unwrap();
    print_line(&format!(
        "{}: {:.1} s, {} responses, {} of them during it, {} sent again, {} lost; {}",
        which.name(),
        report.took_us.0 as f64 / 1e6,
        counts.good(),
        counts.during.load(Ordering::Relaxed),
        counts.again.load(Ordering::Relaxed),
        counts.lost(),
        report
            .steps
            .iter()
            .map(|step| format!("{} {}", step.what, step.took_us))
            .collect::<Vec<_>>()
            .join(", "),
    ));
    (counts, report)
}

fn assert_nothing_lost(counts: &RequestCounts) {
    let lost = counts.lost.lock().unwrap();
    assert!(lost.is_empty(), "{lost:?}");
    assert!(counts.during.load(Ordering::Relaxed) > 0, "no request during the rollout, which proves nothing");
}

fn bring_up(root: &std::path::Path, topology: Topology, port: u16) -> NativeStack {
    let env = [("KP_API_OPEN_WRITES".to_owned(), "1".to_owned())].into();
    let plan = NativePlan { topology, env, engine: None, ..plan("gunicorn", port) };
    up(&plan, &prepared(root), &Cancel::new(), &NullEventSink).unwrap()
}

fn two_servers(name: &str) -> Topology {
    let mut topology = Topology::named(name).unwrap();
    topology.servers = 2.try_into().unwrap();
    // A cached page needs no app server.
    topology.proxy.as_mut().unwrap().cache = false;
    topology
}

/// Takes the stack down and checks that nothing of any generation is left.
fn take_down(stack: NativeStack) {
    let (sessions, ports) = (sessions(stack.info()), ports(stack.info()));
    assert_eq!(stack.down(GRACE).leftovers, []);
    assert_nothing_is_left(&sessions, &ports);
}

#[test]
fn behind_nginx_servers_are_replaced_and_nothing_is_lost() {
    if !has(&["nginx"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let mut stack = bring_up(&root(temp.path()), two_servers("nginx"), 24_000);
    let before = stack.info().clone();
    let (counts, report) = under_load(&mut stack, Rollout::RollingRestart, true);
    assert_nothing_lost(&counts);
    assert_eq!(report.steps.len(), 6);
    assert_eq!(stack.info(), &before, "supervisors stay, and with them all of StackInfo");

    let (counts, _) = under_load(&mut stack, Rollout::BlueGreen, true);
    assert_nothing_lost(&counts);
    let (blue, green) = (before.tier(Tier::Server).unwrap(), stack.info().tier(Tier::Server).unwrap());
    assert!(green.roots.len() == 2 && green.roots.iter().all(|root| !blue.roots.contains(root)));
    stack.check(&Cancel::new()).unwrap();

    // The control: a hard restart is noticed.
    let (counts, _) = under_load(&mut stack, Rollout::RestartHard, true);
    assert!(counts.lost() > 0, "a hard restart lost nothing, so the test proves nothing");
    take_down(stack);
}

#[test]
fn over_unix_sockets_nothing_is_lost() {
    if !has(&["nginx"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let mut topology = two_servers("nginx");
    topology.proxy.as_mut().unwrap().socket = Some(true);
    let mut stack = bring_up(&root(temp.path()), topology, 24_100);
    for which in [Rollout::RollingRestart, Rollout::BlueGreen] {
        let (counts, _) = under_load(&mut stack, which, false);
        assert_nothing_lost(&counts);
    }
    take_down(stack);
}

#[test]
fn behind_haproxy_servers_are_replaced_and_nothing_is_lost() {
    if !has(&["haproxy"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let mut topology = two_servers("nginx");
    topology.proxy = None;
    topology.balancer = Some(Balancer::Haproxy);
    let mut stack = bring_up(&root(temp.path()), topology, 24_200);
    for which in [Rollout::RollingRestart, Rollout::BlueGreen] {
        let (counts, _) = under_load(&mut stack, which, true);
        assert_nothing_lost(&counts);
        assert_eq!(
            counts.again.load(Ordering::Relaxed),
            0,
            "HAProxy is not reloaded, so no connection is closed"
        );
    }
    take_down(stack);
}

#[test]
fn a_single_server_has_its_workers_replaced() {
    let temp = tempfile::tempdir().unwrap();
    let mut stack = bring_up(&root(temp.path()), Topology::named("gunicorn").unwrap(), 24_300);
    let old = workers(&stack);
    let (counts, _) = under_load(&mut stack, Rollout::RollingRestart, false);
    assert_nothing_lost(&counts);
    let now = workers(&stack);
    assert!(now.len() == old.len() && now.iter().all(|pid| !old.contains(pid)), "{old:?} {now:?}");
    let refused = stack.roll_out(Rollout::BlueGreen, &Cancel::new(), &NullEventSink).unwrap_err();
    assert!(matches!(refused, StackError::Rollout { .. }), "{refused}");
    let began = Instant::now();
    take_down(stack);
    assert!(began.elapsed() < Duration::from_secs(20));
}
