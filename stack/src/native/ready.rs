//! Waits until a service answers a real question, for as long as it makes sense to wait.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use url::Url;

use super::haproxy::Haproxy;
use super::service::Running;
use super::up::url;
use crate::ask::Asker;
use crate::db;
use crate::error::{StackError, Trouble};

/// A cold Python on a busy machine compiles and imports for seconds.
const DEADLINE: Duration = Duration::from_mins(1);
/// One question: longer than any healthy answer, short enough to see a dead service soon.
const QUESTION: Duration = Duration::from_secs(3);
/// Between two questions, growing from the first to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));

/// What is said when the answer came from somebody else.
const STRANGER: &str = "another program answers at its port";

/// How a service is asked whether it is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ready {
    /// What is asked, as messages show it.
    pub(super) url: Url,
    question: Question,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Question {
    /// A GET that must be answered with 200.
    Http,
    /// The same, of the site of this name.
    HttpAs(&'static str),
    /// The same over a Unix socket.
    HttpBySocket(PathBuf),
    /// Words over TCP, and how the answer must begin.
    Words(&'static str, &'static str),
    /// MySQL's greeting.
    Mysql,
    /// What it writes into this file when it is ready.
    Says(PathBuf, &'static str),
    /// Servers that HAProxy, asked through its socket, must have found healthy.
    Balances(PathBuf, Vec<String>),
}

impl Ready {
    pub(super) fn http(port: u16, path: &str) -> Self {
        Self { url: url(port, path), question: Question::Http }
    }

    pub(super) fn http_as(port: u16, path: &str, host: &'static str) -> Self {
        Self { url: url(port, path), question: Question::HttpAs(host) }
    }

    pub(super) fn http_by_socket(socket: &Path, path: &str) -> Self {
        let url = Url::parse(&format!("http://localhost{path}")).expect("a host with a path is a URL");
        Self { url, question: Question::HttpBySocket(socket.to_owned()) }
    }

    pub(super) fn redis(port: u16) -> Self {
        Self { url: address("redis", port), question: Question::Words("PING\r\n", "+PONG") }
    }

    pub(super) fn memcached(port: u16) -> Self {
        Self { url: address("memcached", port), question: Question::Words("version\r\n", "VERSION") }
    }

    pub(super) fn mysql(port: u16) -> Self {
        Self { url: address("mysql", port), question: Question::Mysql }
    }

    /// Of a service that only asks others (at `port`), and says in its log when it is ready.
    pub(super) fn says(log: &Path, words: &'static str, port: u16) -> Self {
        Self { url: address("redis", port), question: Question::Says(log.to_owned(), words) }
    }

    /// Of HAProxy: it answers as soon as one server does, and finds the others up to two seconds later, at its own next
    /// check. Until then load would go to fewer servers than are there.
    pub(super) fn balances(socket: &Path, servers: Vec<String>, port: u16) -> Self {
        Self { url: address("haproxy", port), question: Question::Balances(socket.to_owned(), servers) }
    }

    /// The port that the service itself must hold.
    pub(super) fn own_port(&self) -> Option<u16> {
        match self.question {
            Question::HttpBySocket(_) | Question::Says(..) | Question::Balances(..) => None,
            _ => self.url.port(),
        }
    }
}

fn address(scheme: &str, port: u16) -> Url {
    Url::parse(&format!("{scheme}://127.0.0.1:{port}")).expect("a loopback address is a URL")
}

/// Whether a service came too late to its port: between our letting go of it and its binding, another took it.
pub(super) fn lost_its_port(trouble: &Trouble) -> bool {
    // As the system, gunicorn, HAProxy and ourselves put it.
    let signs = ["ddress already in use", "Connection in use", "cannot bind socket", STRANGER];
    signs.iter().any(|sign| trouble.why.contains(sign) || trouble.tail.contains(sign))
}

/// Waits until every question of a service is answered.
pub(super) fn wait(asker: &Asker, running: &Running, cancel: &Cancel) -> Result<(), StackError> {
    running.ready.iter().try_for_each(|ready| wait_for(asker, running, ready, cancel))
}

fn wait_for(asker: &Asker, running: &Running, ready: &Ready, cancel: &Cancel) -> Result<(), StackError> {
    let started = Instant::now();
    let mut pause = PAUSE.0;
    loop {
        let why = match ask(asker, ready, QUESTION, cancel) {
            Ok(()) if ready.own_port().is_none_or(|port| running.holds(port)) => return Ok(()),
            Ok(()) => STRANGER.to_owned(),
            Err(why) => why,
        };
        if cancel.is_cancelled() {
            return Err(StackError::Cancelled);
        }
        let ended = running.service.exit_status().map(|exit| format!("it ended with {exit}"));
        let hopeless = ended.or_else(|| running.has_given_up().then(|| "it cannot start".to_owned()));
        if hopeless.is_some() || started.elapsed() >= DEADLINE {
            let why = hopeless.unwrap_or(why);
            return Err(StackError::NotReady(trouble(running, ready, started.elapsed(), why)));
        }
        if cancel.sleep(pause) {
            return Err(StackError::Cancelled);
        }
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// Whether it runs and answers now.
pub(super) fn check(asker: &Asker, running: &Running, cancel: &Cancel) -> Result<(), StackError> {
    for ready in &running.ready {
        let ended = running.service.exit_status().map(|exit| Err(format!("it ended with {exit}")));
        let answer = ended.unwrap_or_else(|| ask(asker, ready, QUESTION * 2, cancel));
        answer.map_err(|why| StackError::Unhealthy(trouble(running, ready, Duration::ZERO, why)))?;
    }
    Ok(())
}

fn ask(asker: &Asker, ready: &Ready, deadline: Duration, cancel: &Cancel) -> Result<(), String> {
    let port = ready.url.port().unwrap_or_default();
    let reply = match &ready.question {
        Question::Http => asker.get(&ready.url, None, deadline, cancel)?,
        Question::HttpAs(host) => asker.get(&ready.url, Some(host), deadline, cancel)?,
        Question::HttpBySocket(socket) => Asker::by_socket(socket)
            .map_err(|error| error.to_string())?
            .get(&ready.url, None, deadline, cancel)?,
        Question::Words(words, answer) => return say(port, words, answer, deadline),
        Question::Mysql => return db::answers(port, deadline),
        Question::Balances(socket, servers) => return all_found(socket, servers),
        Question::Says(log, words) => {
            let text = fs::read_to_string(log).unwrap_or_default();
            return if text.contains(words) { Ok(()) } else { Err(format!("it did not say `{words}` yet")) };
        }
    };
    if reply.status == 200 { Ok(()) } else { Err(format!("it answered with status {}", reply.status)) }
}

/// Whether HAProxy gives requests to all of these.
fn all_found(socket: &Path, servers: &[String]) -> Result<(), String> {
    let missing = Haproxy::at(socket.to_owned()).missing(servers).map_err(|error| error.to_string())?;
    if missing.is_empty() { Ok(()) } else { Err(format!("it has not found {} healthy", missing.join(", "))) }
}

/// Says words and wants an answer that begins as it should.
fn say(port: u16, words: &str, answer: &str, deadline: Duration) -> Result<(), String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let exchange = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&address, deadline)?;
        stream.set_read_timeout(Some(deadline))?;
        stream.write_all(words.as_bytes())?;
        let mut said = vec![0; answer.len()];
        stream.read_exact(&mut said)?;
        Ok(said)
    };
    let said = exchange().map_err(|error| error.to_string())?;
    if said == answer.as_bytes() { Ok(()) } else { Err("it gave another answer than expected".to_owned()) }
}

fn trouble(running: &Running, ready: &Ready, waited: Duration, why: String) -> Box<Trouble> {
    let (log, tail) = running.last_words();
    Box::new(Trouble { service: running.kind, url: ready.url.clone(), waited, why, log, tail })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn a_lost_port_is_told_from_other_trouble() {
        let trouble = |why: &str, tail: &str| Trouble {
            service: "gunicorn",
            url: "http://127.0.0.1:1/".parse().unwrap(),
            waited: Duration::ZERO,
            why: why.to_owned(),
            log: "/log".into(),
            tail: tail.to_owned(),
        };
        assert!(lost_its_port(&trouble(STRANGER, "")));
        assert!(lost_its_port(&trouble("", "[ERROR] Connection in use: ('127.0.0.1', 18081)")));
        assert!(lost_its_port(&trouble("", "bind() to 127.0.0.1:1 failed (98: Address already in use)")));
        assert!(lost_its_port(&trouble("", "Starting frontend site: cannot bind socket [127.0.0.1:18080]")));
        assert!(lost_its_port(&trouble(
            "",
            "cannot listen on 127.0.0.1:1: Address already in use (os error 98)"
        )));
        assert!(!lost_its_port(&trouble("it ended with exit code 3", "no such table: books")));
    }

    #[test]
    fn words_are_said_and_the_answer_is_looked_at() {
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
        assert_eq!(say(port, "PING\r\n", "+PONG", QUESTION), Ok(()));
        assert_eq!(&server.join().unwrap(), b"PING\r\n");
        let (port, _server) = answering("-DENIED Redis is running in protected mode");
        assert!(say(port, "PING\r\n", "+PONG", QUESTION).is_err());
        assert!(say(1, "PING\r\n", "+PONG", QUESTION).unwrap_err().contains("refused"));
    }

    #[test]
    fn a_balancer_is_ready_when_it_has_found_every_server() {
        let temp = tempfile::tempdir().unwrap();
        let socket = temp.path().join("haproxy.sock");
        let servers = || ["app-1", "app-2"].map(str::to_owned).to_vec();
        assert!(all_found(&socket, &servers()).is_err(), "nobody answers at all");
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
        let early = all_found(&socket, &servers()).unwrap_err();
        assert_eq!(early, "it has not found app-2 healthy");
        assert_eq!(all_found(&socket, &servers()), Ok(()));
        haproxy.join().unwrap();
        assert_eq!(Ready::balances(&socket, servers(), 80).own_port(), None);
    }

    #[test]
    fn only_those_who_listen_must_hold_their_port() {
        assert_eq!(Ready::http(8000, "/healthz").own_port(), Some(8000));
        assert_eq!(Ready::redis(6379).own_port(), Some(6379));
        assert_eq!(Ready::mysql(3306).own_port(), Some(3306));
        assert_eq!(Ready::says(Path::new("/log"), "ready", 6379).own_port(), None);
        let socket = Ready::http_by_socket(Path::new("/run/s"), "/healthz");
        assert_eq!((socket.own_port(), socket.url.as_str()), (None, "http://localhost/healthz"));
    }
}
