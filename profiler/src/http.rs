//! Minimal blocking HTTP client for endpoints of our own tiers: one GET, HTTP/1.0, one deadline.
//!
//! HTTP/1.0, so that the response is neither chunked nor kept alive. Plain `http` only, no redirects, bounded body.
//! It is for `stub_status` and `/debug/pprof/profile` of tiers on this machine, never for the site under load.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use url::Url;

use crate::ProfilerError;

/// How often a waiting read checks for cancellation.
const CANCEL_POLL: Duration = Duration::from_millis(50);

/// Response to one GET.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The complete body.
    pub(crate) body: Vec<u8>,
}

/// URL for messages, without user and query.
pub(crate) fn display_url(url: &Url) -> String {
    format!("{}://{}{}", url.scheme(), authority(url), url.path())
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Sends one GET; connecting and reading share the deadline, and a cancellation ends it within 50 ms.
pub(crate) fn get(
    url: &Url,
    timeout: Duration,
    max_body: u64,
    cancel: &Cancel,
) -> Result<Response, ProfilerError> {
    let fail = |why: String| ProfilerError::Http { what: display_url(url), why };
    if url.scheme() != "http" {
        return Err(fail("only plain http is supported; use the tier's own http address".to_owned()));
    }
    let until = Instant::now() + timeout;
    let mut stream = connect(url, timeout).map_err(&fail)?;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let request = format!(
        "GET {}{query} HTTP/1.0\r\nHost: {}\r\nUser-Agent: kneepoint\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        url.path(),
        authority(url)
    );
    let io = |error: std::io::Error| fail(error.to_string());
    stream.set_write_timeout(Some(timeout)).map_err(io)?;
    stream.write_all(request.as_bytes()).map_err(io)?;
    let whole = read_all(&mut stream, until, max_body, cancel).map_err(&fail)?;
    parse_response(&whole).ok_or_else(|| fail("the response is not HTTP".to_owned()))
}

fn connect(url: &Url, timeout: Duration) -> Result<TcpStream, String> {
    let port = url.port_or_known_default().unwrap_or(80);
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let mut last = format!("{host} has no address");
    for address in
        (host, port).to_socket_addrs().map_err(|error| error.to_string())?.collect::<Vec<SocketAddr>>()
    {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}

fn read_all(
    stream: &mut TcpStream,
    until: Instant,
    max_body: u64,
    cancel: &Cancel,
) -> Result<Vec<u8>, String> {
    let (mut whole, mut chunk) = (Vec::new(), vec![0; 16 * 1024]);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if cancel.is_cancelled() {
            return Err("cancelled".to_owned());
        }
        if left.is_zero() {
            return Err("it took too long".to_owned());
        }
        stream.set_read_timeout(Some(left.min(CANCEL_POLL))).map_err(|error| error.to_string())?;
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(whole),
            Ok(n) if whole.len() as u64 + n as u64 > max_body => {
                return Err(format!("the response is larger than {max_body} bytes"));
            }
            Ok(n) => whole.extend_from_slice(&chunk[..n]),
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

fn parse_response(whole: &[u8]) -> Option<Response> {
    let end = whole.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&whole[..end]).ok()?;
    let mut words = head.lines().next()?.split_ascii_whitespace();
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    Some(Response { status: words.next()?.parse().ok()?, body: whole[end + 4..].to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_body_are_separated() {
        let response = parse_response(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody\r\n\r\nmore").unwrap();
        assert_eq!((response.status, response.body.as_slice()), (200, b"body\r\n\r\nmore".as_slice()));
        for bad in [&b""[..], b"HTTP/1.1 200", b"SSH-2.0\r\n\r\n", b"HTTP/1.1 x OK\r\n\r\n"] {
            assert!(parse_response(bad).is_none());
        }
    }

    #[test]
    fn the_displayed_url_hides_user_and_query() {
        let url = Url::parse("http://u:secret@127.0.0.1:8001/p?token=secret").unwrap();
        assert_eq!(display_url(&url), "http://127.0.0.1:8001/p");
    }

    #[test]
    fn a_silent_server_costs_no_more_than_the_deadline() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let started = Instant::now();
        let error = get(&url, Duration::from_millis(120), 1000, &Cancel::new()).unwrap_err();
        assert!(error.to_string().contains("too long"), "{error}");
        assert!(started.elapsed() < Duration::from_millis(600));
        let https = Url::parse("https://127.0.0.1/").unwrap();
        assert!(get(&https, Duration::from_secs(1), 1, &Cancel::new()).is_err());
    }
}
