//! Connection to a cache server: one command, one response over plain TCP, kept open, with a deadline and a size
//! limit.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use kneepoint_model::text::collapsed_line;

use super::Gap;

/// Limit for connecting, writing and reading together.
const TIMEOUT: Duration = Duration::from_millis(800);
/// Longest accepted response, in bytes.
const MAX_RESPONSE: usize = 256 * 1024;

/// Finds the end of a response: `None` while it is incomplete, an error when it is not a response.
pub(super) type FindEnd = fn(&[u8]) -> Result<Option<usize>, String>;

/// Connects on the first command, and again after a failure.
#[derive(Debug)]
pub(super) struct CacheConnection {
    address: String,
    stream: Option<TcpStream>,
    /// Connections opened so far.
    pub(super) connections: u64,
}

impl CacheConnection {
    pub(super) fn new(address: &str) -> Self {
        Self { address: address.to_owned(), stream: None, connections: 0 }
    }

    /// True when connected; a new connection must authenticate first when there is a password.
    pub(super) fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    /// Sends a command and reads the response; a failure closes the connection.
    pub(super) fn request(&mut self, command: &[u8], find_end: FindEnd) -> Result<Vec<u8>, Gap> {
        let response = self.try_request(command, find_end);
        if response.is_err() {
            self.stream = None;
        }
        response.map_err(|why| {
            let why = format!("{} did not respond: {}", self.address, collapsed_line(&why, 200));
            Gap::new(why, "check that the server listens there and is reachable from here")
        })
    }

    fn try_request(&mut self, command: &[u8], find_end: FindEnd) -> Result<Vec<u8>, String> {
        let until = Instant::now() + TIMEOUT;
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect()?,
        };
        stream.set_write_timeout(Some(TIMEOUT)).map_err(|error| error.to_string())?;
        stream.write_all(command).map_err(|error| error.to_string())?;
        let response = read_response(&mut stream, find_end, until)?;
        self.stream = Some(stream);
        Ok(response)
    }

    fn connect(&mut self) -> Result<TcpStream, String> {
        let mut last = "the host name has no address".to_owned();
        for address in self.address.to_socket_addrs().map_err(|error| error.to_string())? {
            match TcpStream::connect_timeout(&address, TIMEOUT) {
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

fn read_response(stream: &mut TcpStream, find_end: FindEnd, until: Instant) -> Result<Vec<u8>, String> {
    let (mut response, mut chunk) = (Vec::new(), vec![0; 16 * 1024]);
    loop {
        if let Some(end) = find_end(&response)? {
            response.truncate(end);
            return Ok(response);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err("it took too long".to_owned());
        }
        stream.set_read_timeout(Some(left)).map_err(|error| error.to_string())?;
        match stream.read(&mut chunk) {
            Ok(0) => return Err("the connection was closed".to_owned()),
            Ok(n) if response.len() + n > MAX_RESPONSE => {
                return Err(format!("the response is longer than {MAX_RESPONSE} bytes"));
            }
            Ok(n) => response.extend_from_slice(&chunk[..n]),
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

    #[expect(clippy::unnecessary_wraps, reason = "it must match `FindEnd`")]
    fn line_end(so_far: &[u8]) -> Result<Option<usize>, String> {
        Ok(so_far.iter().position(|byte| *byte == b'\n'))
    }

    #[test]
    fn silence_costs_no_more_than_the_deadline_and_a_flood_is_refused() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut connection = CacheConnection::new(&listener.local_addr().unwrap().to_string());
        let started = Instant::now();
        assert!(connection.request(b"x\n", line_end).unwrap_err().why.contains("too long"));
        assert!(started.elapsed() < Duration::from_secs(2) && !connection.is_open());
        let flood = std::thread::spawn(move || {
            let (_silent, (mut stream, _)) = (listener.accept(), listener.accept().unwrap());
            while stream.write_all(&[b'a'; 4096]).is_ok() {}
        });
        assert!(connection.request(b"x\n", line_end).unwrap_err().why.contains("longer than"));
        assert_eq!(connection.connections, 2);
        flood.join().unwrap();
    }
}
