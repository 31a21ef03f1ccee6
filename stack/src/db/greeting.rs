//! Whether a MySQL or `MariaDB` accepts connections: the first packet that it sends shows it.
//!
//! Source: MySQL's client/server protocol, "Protocol::Handshake": a packet is a length of three bytes, a number, and the
//! payload; a greeting's payload begins with the protocol version 10, an error's with 255.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// Connects and reads the first packet. The error text says why the server is not ready.
pub(crate) fn probe_greeting(port: u16, deadline: Duration) -> Result<(), String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, deadline).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(deadline)).map_err(|error| error.to_string())?;
    let mut head = [0; 5];
    stream.read_exact(&mut head).map_err(|error| format!("it sent no greeting: {error}"))?;
    let mut rest = [0; 200];
    let read = if head[4] == 255 { stream.read(&mut rest).unwrap_or(0) } else { 0 };
    check_greeting(head[4], &rest[..read])
}

fn check_greeting(first: u8, rest: &[u8]) -> Result<(), String> {
    match first {
        10 => Ok(()),
        // The message follows two bytes of error number.
        255 => Err(String::from_utf8_lossy(rest.get(2..).unwrap_or_default()).into_owned()),
        other => Err(format!("it is not a MySQL server (first byte of its packet: {other})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_told_from_an_error_and_from_another_protocol() {
        assert_eq!(check_greeting(10, b""), Ok(()));
        assert_eq!(check_greeting(255, b"\x10\x04Too many connections").unwrap_err(), "Too many connections");
        assert!(check_greeting(b'H', b"TTP/1.1").unwrap_err().contains("not a MySQL server"));
    }
}
