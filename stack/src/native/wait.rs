//! Waits until a service passes its readiness checks, and checks later whether it still does.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;

use super::haproxy::Haproxy;
use super::readiness::{Probe, ReadinessCheck};
use super::service::RunningService;
use crate::db;
use crate::error::{ServiceFailure, StackError};
use crate::host::http::HttpClient;

/// A cold Python on a busy machine compiles and imports for seconds.
const DEADLINE: Duration = Duration::from_mins(1);
/// Timeout of one probe: longer than any healthy response, short enough to notice a dead service soon.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// Pause between two probes, doubled from the first value up to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));

/// Reported when the port is held by a process that is not of the service.
const FOREIGN_LISTENER: &str = "another program listens on its port";

/// Whether another process took the port of a service after kneepoint released it and before the service bound it.
pub(super) fn is_port_conflict(failure: &ServiceFailure) -> bool {
    // As the kernel, gunicorn, HAProxy and this file report it.
    let signs = ["ddress already in use", "Connection in use", "cannot bind socket", FOREIGN_LISTENER];
    signs.iter().any(|sign| failure.why.contains(sign) || failure.tail.contains(sign))
}

/// Waits until a service passes all its checks.
///
/// # Errors
/// `NotReady` with the end of its log after the deadline, or as soon as it cannot become ready; `Cancelled`.
pub(super) fn wait_until_ready(
    client: &HttpClient,
    service: &RunningService,
    cancel: &Cancel,
) -> Result<(), StackError> {
    service.checks.iter().try_for_each(|check| wait_for_check(client, service, check, cancel))
}

fn wait_for_check(
    client: &HttpClient,
    service: &RunningService,
    check: &ReadinessCheck,
    cancel: &Cancel,
) -> Result<(), StackError> {
    let started = Instant::now();
    let mut pause = PAUSE.0;
    loop {
        let why = match run_probe(client, check, PROBE_TIMEOUT, cancel) {
            Ok(()) if check.listening_port().is_none_or(|port| service.holds_port(port)) => return Ok(()),
            Ok(()) => FOREIGN_LISTENER.to_owned(),
            Err(why) => why,
        };
        if cancel.is_cancelled() {
            return Err(StackError::Cancelled);
        }
        let ended = service.process.exit_status().map(|exit| format!("it ended with {exit}"));
        let fatal = ended.or_else(|| service.boot_failed().then(|| "it cannot start".to_owned()));
        if fatal.is_some() || started.elapsed() >= DEADLINE {
            let why = fatal.unwrap_or(why);
            return Err(StackError::NotReady(describe_failure(service, check, started.elapsed(), why)));
        }
        if cancel.sleep(pause) {
            return Err(StackError::Cancelled);
        }
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// Checks once whether the service runs and passes its checks.
pub(super) fn check_health(
    client: &HttpClient,
    service: &RunningService,
    cancel: &Cancel,
) -> Result<(), StackError> {
    for check in &service.checks {
        let ended = service.process.exit_status().map(|exit| Err(format!("it ended with {exit}")));
        let answer = ended.unwrap_or_else(|| run_probe(client, check, PROBE_TIMEOUT * 2, cancel));
        answer.map_err(|why| StackError::Unhealthy(describe_failure(service, check, Duration::ZERO, why)))?;
    }
    Ok(())
}

fn run_probe(
    client: &HttpClient,
    check: &ReadinessCheck,
    deadline: Duration,
    cancel: &Cancel,
) -> Result<(), String> {
    let port = check.url.port().unwrap_or_default();
    let response = match &check.probe {
        Probe::Http => client.get(&check.url, None, deadline, cancel)?,
        Probe::HttpWithHost(host) => client.get(&check.url, Some(host), deadline, cancel)?,
        Probe::HttpOverSocket(socket) => HttpClient::over_socket(socket)
            .map_err(|error| error.to_string())?
            .get(&check.url, None, deadline, cancel)?,
        Probe::TcpText(request, expected) => return exchange_text(port, request, expected, deadline),
        Probe::Mysql => return db::probe_greeting(port, deadline),
        Probe::HaproxyBackends(socket, servers) => return check_backends(socket, servers),
        Probe::LogContains(log, words) => {
            let text = fs::read_to_string(log).unwrap_or_default();
            return if text.contains(words) {
                Ok(())
            } else {
                Err(format!("its log does not contain `{words}` yet"))
            };
        }
    };
    if response.status == 200 { Ok(()) } else { Err(format!("it returned status {}", response.status)) }
}

/// Whether HAProxy sends requests to all of these servers.
fn check_backends(socket: &Path, servers: &[String]) -> Result<(), String> {
    let missing =
        Haproxy::new(socket.to_owned()).unhealthy_servers(servers).map_err(|error| error.to_string())?;
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("it does not report {} as healthy yet", missing.join(", ")))
    }
}

/// Sends a request and compares the beginning of the response.
fn exchange_text(port: u16, request: &str, expected: &str, deadline: Duration) -> Result<(), String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let exchange = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&address, deadline)?;
        stream.set_read_timeout(Some(deadline))?;
        stream.write_all(request.as_bytes())?;
        let mut response = vec![0; expected.len()];
        stream.read_exact(&mut response)?;
        Ok(response)
    };
    let response = exchange().map_err(|error| error.to_string())?;
    if response == expected.as_bytes() {
        Ok(())
    } else {
        Err(format!("its response does not begin with `{expected}`"))
    }
}

fn describe_failure(
    service: &RunningService,
    check: &ReadinessCheck,
    waited: Duration,
    why: String,
) -> Box<ServiceFailure> {
    let (log, tail) = service.log_tail();
    Box::new(ServiceFailure { service: service.kind, url: check.url.clone(), waited, why, log, tail })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn a_port_conflict_is_told_from_other_failures() {
        let failure = |why: &str, tail: &str| ServiceFailure {
            service: "gunicorn",
            url: "http://127.0.0.1:1/".parse().unwrap(),
            waited: Duration::ZERO,
            why: why.to_owned(),
            log: "/log".into(),
            tail: tail.to_owned(),
        };
        assert!(is_port_conflict(&failure(FOREIGN_LISTENER, "")));
        assert!(is_port_conflict(&failure("", "[ERROR] Connection in use: ('127.0.0.1', 18081)")));
        assert!(is_port_conflict(&failure("", "bind() to 127.0.0.1:1 failed (98: Address already in use)")));
        assert!(is_port_conflict(&failure(
            "",
            "Starting frontend site: cannot bind socket [127.0.0.1:18080]"
        )));
        assert!(is_port_conflict(&failure(
            "",
            "cannot listen on 127.0.0.1:1: Address already in use (os error 98)"
        )));
        assert!(!is_port_conflict(&failure("it ended with exit code 3", "no such table: books")));
    }

    #[test]
    fn a_request_is_sent_and_the_beginning_of_the_response_is_compared() {
        let answering = |answer: &'static str| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut heard = [0; 6];
                stream.read_exact(&mut heard).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
                heard
            });
            (port, server)
        };
        let (port, server) = answering("+PONG\r\n");
        assert_eq!(exchange_text(port, "PING\r\n", "+PONG", PROBE_TIMEOUT), Ok(()));
        assert_eq!(&server.join().unwrap(), b"PING\r\n");
        let (port, _server) = answering("-DENIED Redis is running in protected mode");
        assert!(exchange_text(port, "PING\r\n", "+PONG", PROBE_TIMEOUT).is_err());
        assert!(exchange_text(1, "PING\r\n", "+PONG", PROBE_TIMEOUT).unwrap_err().contains("refused"));
    }

    #[test]
    fn a_balancer_is_ready_when_it_has_found_every_server() {
        let temp = tempfile::tempdir().unwrap();
        let socket = temp.path().join("haproxy.sock");
        let servers = || ["app-1", "app-2"].map(str::to_owned).to_vec();
        assert!(check_backends(&socket, &servers()).is_err(), "nothing listens at all");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let answers = ["DOWN", "UP"];
        let haproxy = thread::spawn(move || {
            for second in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut asked = String::new();
                stream.read_to_string(&mut asked).unwrap();
                assert_eq!(asked, "show stat\n");
                let table = format!("# pxname,svname,status,\napp,app-1,UP,\napp,app-2,{second},\n");
                stream.write_all(table.as_bytes()).unwrap();
            }
        });
        let early = check_backends(&socket, &servers()).unwrap_err();
        assert_eq!(early, "it does not report app-2 as healthy yet");
        assert_eq!(check_backends(&socket, &servers()), Ok(()));
        haproxy.join().unwrap();
        assert_eq!(ReadinessCheck::haproxy_backends(&socket, servers(), 80).listening_port(), None);
    }

    #[test]
    fn only_services_that_listen_must_hold_their_port() {
        assert_eq!(ReadinessCheck::http(8000, "/healthz").listening_port(), Some(8000));
        assert_eq!(ReadinessCheck::redis(6379).listening_port(), Some(6379));
        assert_eq!(ReadinessCheck::mysql(3306).listening_port(), Some(3306));
        assert_eq!(ReadinessCheck::log_contains(Path::new("/log"), "ready", 6379).listening_port(), None);
        let socket = ReadinessCheck::http_over_socket(Path::new("/run/s"), "/healthz");
        assert_eq!((socket.listening_port(), socket.url.as_str()), (None, "http://localhost/healthz"));
    }
}
