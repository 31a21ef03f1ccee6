//! One real question to services that do not speak HTTP: what is said, and whether the answer is one. Judging is pure.
//!
//! Sources: MySQL's "Protocol::HandshakeV10" (the server speaks first), Redis' RESP, Memcached's text protocol.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any greeting.
const ANSWER: usize = 512;

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaks {
    /// The server greets whoever connects.
    Mysql,
    /// `PING`.
    Redis,
    /// `version`.
    Memcached,
}

impl Speaks {
    const fn question(self) -> &'static [u8] {
        match self {
            Self::Mysql => b"",
            Self::Redis => b"PING\r\n",
            Self::Memcached => b"version\r\n",
        }
    }

    /// Whether these bytes are the answer of a service that is well. Pure.
    fn judge(self, answer: &[u8]) -> Result<(), String> {
        let text = || crate::mask::mask_line(&String::from_utf8_lossy(&answer[..answer.len().min(80)]));
        match self {
            Self::Mysql => {
                mysql(answer).map_err(|why| why.unwrap_or_else(|| format!("it answered `{}`", text())))
            }
            Self::Redis if answer.starts_with(b"+PONG") => Ok(()),
            Self::Memcached if answer.starts_with(b"VERSION ") => Ok(()),
            Self::Redis | Self::Memcached => Err(format!("it answered `{}`", text())),
        }
    }
}

/// Three bytes of length, one of sequence, then protocol 10 and the version; or 255, a code and a message.
fn mysql(answer: &[u8]) -> Result<(), Option<String>> {
    match answer.get(4) {
        Some(10) => Ok(()),
        Some(255) => {
            let message = answer.get(7..).unwrap_or_default();
            Err(Some(crate::mask::mask_line(String::from_utf8_lossy(message).trim())))
        }
        _ => Err(None),
    }
}

/// Asks once. The error is a sentence for people.
pub(super) fn ask(speaks: Speaks, address: SocketAddr, deadline: Duration) -> Result<(), String> {
    let told = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => {
            format!("no answer within {:.1} s", deadline.as_secs_f64())
        }
        _ => error.to_string(),
    };
    let mut stream = TcpStream::connect_timeout(&address, deadline).map_err(told)?;
    stream
        .set_read_timeout(Some(deadline))
        .and_then(|()| stream.set_write_timeout(Some(deadline)))
        .map_err(told)?;
    stream.write_all(speaks.question()).map_err(told)?;
    let mut answer = [0; ANSWER];
    let read = stream.read(&mut answer).map_err(told)?;
    if read == 0 {
        return Err("it closed the connection without an answer".to_owned());
    }
    speaks.judge(&answer[..read])
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn answers_and_others() {
        let greeting = b"J\0\0\0\x0a9.7.4\0\x08\0\0\0";
        assert_eq!(Speaks::Mysql.judge(greeting), Ok(()));
        let refused = b"E\0\0\0\xff\x6a\x04Host '172.18.0.1' is not allowed to connect";
        assert!(Speaks::Mysql.judge(refused).unwrap_err().contains("is not allowed"));
        assert!(Speaks::Mysql.judge(b"HTTP/1.1 400").unwrap_err().contains("it answered"));
        assert!(Speaks::Redis.judge(b"+PONG\r\n").is_ok() && Speaks::Redis.judge(b"-LOADING").is_err());
        assert!(
            Speaks::Memcached.judge(b"VERSION 1.6.45\r\n").is_ok()
                && Speaks::Memcached.judge(b"ERROR").is_err()
        );
    }

    #[test]
    fn asks_and_gives_up_in_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut first, _) = listener.accept().unwrap();
            let mut question = [0; 16];
            let read = first.read(&mut question).unwrap();
            first.write_all(b"+PONG\r\n").unwrap();
            let silent = listener.accept().unwrap();
            thread::sleep(Duration::from_millis(300));
            drop(silent);
            question[..read].to_vec()
        });
        assert_eq!(ask(Speaks::Redis, address, Duration::from_secs(2)), Ok(()));
        let silent = ask(Speaks::Redis, address, Duration::from_millis(100)).unwrap_err();
        assert_eq!(silent, "no answer within 0.1 s");
        assert_eq!(server.join().unwrap(), b"PING\r\n");
        assert!(ask(Speaks::Mysql, address, Duration::from_millis(200)).is_err());
    }
}
