//! Fuzz tests of the response reader, which reads untrusted input: no panic, no invented bytes, the same result however the bytes
//! are split, and heads parsed as httparse does.

use std::time::Instant;

use rand::RngExt as _;

use super::response::{Progress, ReadOptions, ResponseReader};
use super::syntax::tests::assert_same_as_httparse;
use crate::fuzz_inputs::for_each_mutation;

const RESPONSES: [&[u8]; 5] = [
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: 12\r\nSet-Cookie: a=1; Path=/\r\n\r\nhello world!",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n5;x=\"y\"\r\nhello\r\n6\r\n world\r\n0\r\nA: b\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: /away\r\nContent-Length: 0\r\nCache-Status: nginx; hit\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nServer-Timing: app;dur=4, db;dur=2;desc=\"3 queries\"\r\n\r\nuntil the end",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
];

/// Reads a response that comes in pieces; returns its body when it is complete, and whether more came.
fn read(input: &[u8], piece: usize) -> Option<(Vec<u8>, bool)> {
    let now = Instant::now();
    let mut reader = ResponseReader::new(ReadOptions { keep_body: true, max_body: 1 << 20, is_head: false });
    let (mut progress, mut parts) = (Progress::Begun, input.chunks(piece));
    while progress == Progress::Begun {
        match parts.next() {
            Some(part) => progress = reader.take(part, now).ok()?,
            None if reader.end_at(now) => break,
            None => return None,
        }
    }
    let more = progress == Progress::WholeAndMore || parts.next().is_some();
    let response = reader.finish().expect("whole");
    let _ = (
        response.head.get("set-cookie"),
        response.head.get("location"),
        response.head.all("connection").count(),
    );
    assert!(response.body.len() as u64 == response.wire && response.body.len() <= input.len());
    Some((response.body, more))
}

#[test]
fn mutated_responses_are_read_alike_in_all_pieces() {
    let mut read_through = 0_u64;
    let inputs = for_each_mutation(&RESPONSES, |input, rng| {
        assert_same_as_httparse(input);
        let whole = read(input, usize::MAX);
        assert_eq!(whole, read(input, rng.random_range(1..20)), "{:?}", String::from_utf8_lossy(input));
        read_through += u64::from(whole.is_some());
    });
    assert!(read_through > inputs / 100, "only {read_through} of {inputs} were responses");
}
