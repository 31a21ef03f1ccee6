//! One question, one answer, over plain TCP to a cache server: a connection that is kept, a deadline, a bound.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::Gap;
use crate::source::one_line;

/// Connecting, asking and reading together.
const WITHIN: Duration = Duration::from_millis(800);
/// No honest answer is longer.
const MOST: usize = 256 * 1024;

/// Where an answer ends: `None` while it is not whole, an error when it is no answer.
pub(super) type Whole = fn(&[u8]) -> Result<Option<usize>, String>;

/// A line to a server; connects when first asked, and again after a failure.
#[derive(Debug)]
pub(super) struct Line {
    address: String,
    stream: Option<TcpStream>,
    /// Connections made so far.
    pub(super) connections: u64,
}

impl Line {
    pub(super) fn new(address: &str) -> Self {
        Self { address: address.to_owned(), stream: None, connections: 0 }
    }

    /// Is there a connection? A fresh one must be greeted first, where there is a password.
    pub(super) fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    /// Asks; after a failure the connection is closed.
    pub(super) fn ask(&mut self, question: &[u8], whole: Whole) -> Result<Vec<u8>, Gap> {
        let answer = self.try_ask(question, whole);
        if answer.is_err() {
            self.stream = None;
        }
        answer.map_err(|why| {
            let why = format!("{} did not answer: {}", self.address, one_line(&why, 200));
            Gap::new(why, "check that the server listens there and may be reached from here")
        })
    }

    fn try_ask(&mut self, question: &[u8], whole: Whole) -> Result<Vec<u8>, String> {
        let until = Instant::now() + WITHIN;
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect()?,
        };
        stream.set_write_timeout(Some(WITHIN)).map_err(|error| error.to_string())?;
        stream.write_all(question).map_err(|error| error.to_string())?;
        let answer = read(&mut stream, whole, until)?;
        self.stream = Some(stream);
        Ok(answer)
    }

    fn connect(&mut self) -> Result<TcpStream, String> {
        let mut last = "it has no address".to_owned();
        for address in self.address.to_socket_addrs().map_err(|error| error.to_string())? {
            match TcpStream::connect_timeout(&address, WITHIN) {
                Ok(stream) => {
                    self.connections += 1;
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => last = error.to_string(),
            }
        }
        Err(last)
    }
}

fn read(stream: &mut TcpStream, whole: Whole, until: Instant) -> Result<Vec<u8>, String> {
    let (mut answer, mut chunk) = (Vec::new(), vec![0; 16 * 1024]);
    loop {
        if let Some(end) = whole(&answer)? {
            answer.truncate(end);
            return Ok(answer);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err("it took too long".to_owned());
        }
        stream.set_read_timeout(Some(left)).map_err(|error| error.to_string())?;
        match stream.read(&mut chunk) {
            Ok(0) => return Err("the connection was closed".to_owned()),
            Ok(n) if answer.len() + n > MOST => {
                return Err(format!("the answer is longer than {MOST} bytes"));
            }
            Ok(n) => answer.extend_from_slice(&chunk[..n]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                return Err("it took too long".to_owned());
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "it has the form of every reader of an answer's end")]
    fn line_end(so_far: &[u8]) -> Result<Option<usize>, String> {
        Ok(so_far.iter().position(|byte| *byte == b'\n'))
    }

    #[test]
    fn silence_costs_no_more_than_the_deadline_and_a_flood_is_refused() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut line = Line::new(&listener.local_addr().unwrap().to_string());
        let started = Instant::now();
        assert!(line.ask(b"x\n", line_end).unwrap_err().why.contains("too long"));
        assert!(started.elapsed() < Duration::from_secs(2) && !line.is_open());
        let flood = std::thread::spawn(move || {
            let (_silent, (mut stream, _)) = (listener.accept(), listener.accept().unwrap());
            while stream.write_all(&[b'a'; 4096]).is_ok() {}
        });
        assert!(line.ask(b"x\n", line_end).unwrap_err().why.contains("longer than"));
        assert_eq!(line.connections, 2);
        flood.join().unwrap();
    }
}
