//! A readiness probe for services that do not speak HTTP: one request and a check of the response. Checking is pure.
//!
//! Sources: MySQL's "Protocol::HandshakeV10" (the server sends first), Redis' RESP, Memcached's text protocol.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any greeting.
const MAX_RESPONSE: usize = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TcpProtocol {
    /// Sends a greeting on every connection.
    Mysql,
    /// Responds to `PING`.
    Redis,
    /// Responds to `version`.
    Memcached,
}

impl TcpProtocol {
    const fn request(self) -> &'static [u8] {
        match self {
            Self::Mysql => b"",
            Self::Redis => b"PING\r\n",
            Self::Memcached => b"version\r\n",
        }
    }

    /// Whether these bytes are the response of a healthy service. The error describes the response.
    fn check_response(self, response: &[u8]) -> Result<(), String> {
        let text = || {
            crate::host::redact::redact_line(&String::from_utf8_lossy(&response[..response.len().min(80)]))
        };
        match self {
            Self::Mysql => check_mysql_greeting(response)
                .map_err(|why| why.unwrap_or_else(|| format!("it responded with `{}`", text()))),
            Self::Redis if response.starts_with(b"+PONG") => Ok(()),
            Self::Memcached if response.starts_with(b"VERSION ") => Ok(()),
            Self::Redis | Self::Memcached => Err(format!("it responded with `{}`", text())),
        }
    }
}

/// Three bytes of length, one of sequence, then protocol 10 and the version; or 255, a code and a message.
fn check_mysql_greeting(response: &[u8]) -> Result<(), Option<String>> {
    match response.get(4) {
        Some(10) => Ok(()),
        Some(255) => {
            let message = response.get(7..).unwrap_or_default();
            Err(Some(crate::host::redact::redact_line(String::from_utf8_lossy(message).trim())))
        }
        _ => Err(None),
    }
}

/// One attempt. The error text says why the service is not ready.
pub(super) fn probe_tcp(
    protocol: TcpProtocol,
    address: SocketAddr,
    deadline: Duration,
) -> Result<(), String> {
    let describe = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => {
            format!("no response within {:.1} s", deadline.as_secs_f64())
        }
        _ => error.to_string(),
    };
    let mut stream = TcpStream::connect_timeout(&address, deadline).map_err(describe)?;
    stream
        .set_read_timeout(Some(deadline))
        .and_then(|()| stream.set_write_timeout(Some(deadline)))
        .map_err(describe)?;
    stream.write_all(protocol.request()).map_err(describe)?;
    let mut response = [0; MAX_RESPONSE];
    let read = stream.read(&mut response).map_err(describe)?;
    if read == 0 {
        return Err("it closed the connection without a response".to_owned());
    }
    protocol.check_response(&response[..read])
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn responses_of_healthy_and_other_services() {
        let greeting = b"J\0\0\0\x0a9.7.4\0\x08\0\0\0";
        assert_eq!(TcpProtocol::Mysql.check_response(greeting), Ok(()));
        let refused = b"E\0\0\0\xff\x6a\x04Host '172.18.0.1' is not allowed to connect";
        assert!(TcpProtocol::Mysql.check_response(refused).unwrap_err().contains("is not allowed"));
        assert!(
            TcpProtocol::Mysql.check_response(b"HTTP/1.1 400").unwrap_err().contains("it responded with")
        );
        assert!(
            TcpProtocol::Redis.check_response(b"+PONG\r\n").is_ok()
                && TcpProtocol::Redis.check_response(b"-LOADING").is_err()
        );
        assert!(
            TcpProtocol::Memcached.check_response(b"VERSION 1.6.45\r\n").is_ok()
                && TcpProtocol::Memcached.check_response(b"ERROR").is_err()
        );
    }

    #[test]
    fn a_probe_ends_in_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut first, _) = listener.accept().unwrap();
            let mut request = [0; 16];
            let read = first.read(&mut request).unwrap();
            first.write_all(b"+PONG\r\n").unwrap();
            let silent = listener.accept().unwrap();
            thread::sleep(Duration::from_millis(300));
            drop(silent);
            request[..read].to_vec()
        });
        assert_eq!(probe_tcp(TcpProtocol::Redis, address, Duration::from_secs(2)), Ok(()));
        let silent = probe_tcp(TcpProtocol::Redis, address, Duration::from_millis(100)).unwrap_err();
        assert_eq!(silent, "no response within 0.1 s");
        assert_eq!(server.join().unwrap(), b"PING\r\n");
        assert!(probe_tcp(TcpProtocol::Mysql, address, Duration::from_millis(200)).is_err());
    }
}
