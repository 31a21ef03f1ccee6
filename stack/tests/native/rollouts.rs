//! App servers are replaced while visitors are on the site: no request may be lost, unless it is done crudely.
//!
//! Visitors are raw sockets, so that nothing is tried again behind our back. Half of them open a connection for each
//! request; the others keep theirs and do what HTTP allows: a GET that met the closing of an idle connection, before any
//! byte of an answer, is sent once more on a new one (RFC 9112, section 9.3.1).

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::Silent;
use kneepoint_model::experiment::Manoeuvre;
use kneepoint_model::tier::Tier;
use kneepoint_stack::native::{NativePlan, NativeStack, up};
use kneepoint_stack::{Balancer, RolloutReport, StackError, Topology};

use super::support::*;

const GET: &str = "GET /catalogue/ HTTP/1.1\r\nHost: localhost\r\n";
const BODY: &str = "{\"title\": \"Draining\", \"author\": 1, \"publication_date\": \"2020-02-02\", \"isbn\": \"978-3-16-148410-0\", \
    \"summary\": \"x\", \"genre\": \"history\", \"price\": \"9.99\", \"stock\": 1}";

/// Answers that are waited for before and after a manoeuvre: counted, not timed, since machines are busy.
const AROUND: u64 = 60;
/// They take a second or two.
const PATIENCE: Duration = Duration::from_mins(1);

/// What visitors saw.
#[derive(Default)]
struct Seen {
    good: AtomicU64,
    /// Of these, while the manoeuvre was made.
    during: AtomicU64,
    again: AtomicU64,
    /// What was lost, and how often.
    lost: Mutex<BTreeMap<String, u64>>,
}

impl Seen {
    fn loses(&self, verb: &str, why: &str) {
        *self.lost.lock().unwrap().entry(format!("{verb}: {why}")).or_default() += 1;
    }

    fn lost(&self) -> u64 {
        self.lost.lock().unwrap().values().sum()
    }

    fn good(&self) -> u64 {
        self.good.load(Ordering::Relaxed)
    }

    /// Waits until visitors had so many more answers, good or bad.
    fn more(&self, answers: u64) {
        let began = Instant::now();
        let seen = || self.good() + self.lost();
        let wanted = seen() + answers;
        while seen() < wanted {
            assert!(began.elapsed() < PATIENCE, "visitors get no answers");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The status, and who said so: what stands before the app servers does not sign as gunicorn does.
fn refusal(head: &str) -> String {
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

/// Head and body of one answer, or how far it came.
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
            return Err((all.len(), "the connection was closed before the answer was whole".to_owned()));
        }
    }
}

fn connect(port: u16) -> Result<TcpStream, String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_nodelay(true).unwrap();
    Ok(stream)
}

/// Rings when it is over, also when a manoeuvre panics: visitors would wait for ever.
struct Bell<'a>(&'a AtomicBool);

impl Drop for Bell<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One visitor until the bell rings.
fn visit(port: u16, keeps: bool, request: &str, stop: &AtomicBool, seen: &Seen) {
    let request = format!("{request}Connection: {}\r\n\r\n", if keeps { "keep-alive" } else { "close" });
    let request = if request.starts_with("POST") { format!("{request}{BODY}") } else { request };
    let verb = request.split(' ').next().unwrap_or_default().to_owned();
    let mut kept: Option<TcpStream> = None;
    while !stop.load(Ordering::Relaxed) {
        let reused = kept.is_some();
        let stream = kept.take().map_or_else(|| connect(port), Ok);
        let answer = stream.map_err(|error| (0, error)).and_then(|mut stream| {
            let head = exchange(&mut stream, &request)?;
            Ok((head, stream))
        });
        match answer {
            Ok((head, stream)) if head.starts_with("HTTP/1.1 20") => {
                seen.good.fetch_add(1, Ordering::Relaxed);
                let closes = head.to_ascii_lowercase().contains("connection: close");
                kept = (keeps && !closes).then_some(stream);
            }
            Err((0, _)) if reused && request.starts_with("GET") => {
                seen.again.fetch_add(1, Ordering::Relaxed);
            }
            Ok((head, _)) => seen.loses(&verb, &refusal(&head)),
            Err((_, why)) => seen.loses(&verb, &why),
        }
        thread::sleep(Duration::from_millis(3));
    }
}

/// Makes a manoeuvre with visitors on the site, before, during and after.
fn under_load(stack: &mut NativeStack, which: Manoeuvre, with_posts: bool) -> (Seen, RolloutReport) {
    let port = stack.ports().site;
    let (stop, seen) = (AtomicBool::new(false), Seen::default());
    let write = post();
    let report = thread::scope(|scope| {
        for keeps in [true, false] {
            scope.spawn(|| visit(port, true, GET, &stop, &seen));
            let (stop, seen, write) = (&stop, &seen, &write);
            scope.spawn(move || visit(port, keeps, GET, stop, seen));
            if with_posts {
                scope.spawn(move || visit(port, false, write, stop, seen));
            }
        }
        let _bell = Bell(&stop);
        seen.more(AROUND);
        let before = seen.good();
        let report = stack.roll_out(which, &Cancel::new(), &Silent);
        seen.during.store(seen.good() - before, Ordering::Relaxed);
        seen.more(AROUND);
        report
    });
    let report = report.unwrap();
    say(&format!(
        "{}: {:.1} s, {} answered, {} of them during it, {} sent again, {} lost; {}",
        which.name(),
        report.took_us.0 as f64 / 1e6,
        seen.good(),
        seen.during.load(Ordering::Relaxed),
        seen.again.load(Ordering::Relaxed),
        seen.lost(),
        report
            .steps
            .iter()
            .map(|step| format!("{} {}", step.what, step.took_us))
            .collect::<Vec<_>>()
            .join(", "),
    ));
    (seen, report)
}

fn nothing_is_lost(seen: &Seen) {
    let lost = seen.lost.lock().unwrap();
    assert!(lost.is_empty(), "{lost:?}");
    assert!(seen.during.load(Ordering::Relaxed) > 0, "nobody asked meanwhile: that shows nothing");
}

fn bring_up(root: &std::path::Path, topology: Topology, port: u16) -> NativeStack {
    let env = [("KP_API_OPEN_WRITES".to_owned(), "1".to_owned())].into();
    let plan = NativePlan { topology, env, engine: None, ..plan("gunicorn", port) };
    up(&plan, &prepared(root), &Cancel::new(), &Silent).unwrap()
}

fn two_servers(name: &str) -> Topology {
    let mut topology = Topology::named(name).unwrap();
    topology.servers = 2.try_into().unwrap();
    // A cached page would be answered without any app server.
    topology.proxy.as_mut().unwrap().cache = false;
    topology
}

/// Down, and nothing of any generation is left.
fn taken_down(stack: NativeStack) {
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
    let (seen, report) = under_load(&mut stack, Manoeuvre::RollingRestart, true);
    nothing_is_lost(&seen);
    assert_eq!(report.steps.len(), 6);
    assert_eq!(stack.info(), &before, "supervisors stay, and with them all that is told");

    let (seen, _) = under_load(&mut stack, Manoeuvre::BlueGreen, true);
    nothing_is_lost(&seen);
    let (blue, green) = (before.tier(Tier::Server).unwrap(), stack.info().tier(Tier::Server).unwrap());
    assert!(green.roots.len() == 2 && green.roots.iter().all(|root| !blue.roots.contains(root)));
    stack.check(&Cancel::new()).unwrap();

    // The control: the visitors do notice when it is done crudely.
    let (seen, _) = under_load(&mut stack, Manoeuvre::RestartHard, true);
    assert!(seen.lost() > 0, "a crude restart lost nothing, so the test sees nothing");
    taken_down(stack);
}

#[test]
fn over_unix_sockets_as_well() {
    if !has(&["nginx"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let mut topology = two_servers("nginx");
    topology.proxy.as_mut().unwrap().socket = Some(true);
    let mut stack = bring_up(&root(temp.path()), topology, 24_100);
    for which in [Manoeuvre::RollingRestart, Manoeuvre::BlueGreen] {
        let (seen, _) = under_load(&mut stack, which, false);
        nothing_is_lost(&seen);
    }
    taken_down(stack);
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
    for which in [Manoeuvre::RollingRestart, Manoeuvre::BlueGreen] {
        let (seen, _) = under_load(&mut stack, which, true);
        nothing_is_lost(&seen);
        assert_eq!(
            seen.again.load(Ordering::Relaxed),
            0,
            "HAProxy is not reloaded, so no connection is closed"
        );
    }
    taken_down(stack);
}

#[test]
fn a_server_alone_has_its_workers_replaced() {
    let temp = tempfile::tempdir().unwrap();
    let mut stack = bring_up(&root(temp.path()), Topology::named("gunicorn").unwrap(), 24_300);
    let old = workers(&stack);
    let (seen, _) = under_load(&mut stack, Manoeuvre::RollingRestart, false);
    nothing_is_lost(&seen);
    let now = workers(&stack);
    assert!(now.len() == old.len() && now.iter().all(|pid| !old.contains(pid)), "{old:?} {now:?}");
    let refused = stack.roll_out(Manoeuvre::BlueGreen, &Cancel::new(), &Silent).unwrap_err();
    assert!(matches!(refused, StackError::Rollout { .. }), "{refused}");
    let began = Instant::now();
    taken_down(stack);
    assert!(began.elapsed() < Duration::from_secs(20));
}
