//! Answers of strangers, bent a million times: nothing may panic, no byte is made up, it makes no difference in
//! what pieces they come, and their heads are understood as httparse does.
//!
//! By hand: `cargo test --release -p kneepoint-loadgen --lib fuzz -- --ignored --nocapture`.

use std::time::Instant;

use rand::RngExt as _;

use super::response::{Progress, ReadOptions, ResponseReader};
use super::syntax::tests::assert_same_as_httparse;
use crate::fuzz_inputs::for_each_mutation;

const ANSWERS: [&[u8]; 5] = [
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: 12\r\nSet-Cookie: a=1; Path=/\r\n\r\nhello context!",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n5;x=\"y\"\r\nhello\r\n6\r\n context\r\n0\r\nA: b\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: /away\r\nContent-Length: 0\r\nCache-Status: nginx; hit\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nServer-Timing: app;dur=4, db;dur=2;desc=\"3 queries\"\r\n\r\nuntil the end",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
];

/// Reads an answer that comes in pieces; gives its body when it is whole, and whether more came.
fn read(input: &[u8], piece: usize) -> Option<(Vec<u8>, bool)> {
    let now = Instant::now();
    let mut answer = ResponseReader::new(ReadOptions { keep: true, max: 1 << 20, is_head: false });
    let (mut progress, mut parts) = (Progress::Begun, input.chunks(piece));
    while progress == Progress::Begun {
        match parts.next() {
            Some(part) => progress = answer.take(part, now).ok()?,
            None if answer.end_at(now) => break,
            None => return None,
        }
    }
    let more = progress == Progress::WholeAndMore || parts.next().is_some();
    let response = answer.response().expect("whole");
    let _ = (
        response.head.get("set-cookie"),
        response.head.get("location"),
        response.head.all("connection").count(),
    );
    assert!(response.body.len() as u64 == response.wire && response.body.len() <= input.len());
    Some((response.body, more))
}

#[test]
#[ignore = "a million inputs: by hand"]
fn a_million_answers() {
    let mut read_through = 0_u64;
    for_each_mutation(&ANSWERS, |answer, rng| {
        assert_same_as_httparse(answer);
        let whole = read(answer, usize::MAX);
        assert_eq!(whole, read(answer, rng.random_range(1..20)), "{:?}", String::from_utf8_lossy(answer));
        read_through += u64::from(whole.is_some());
    });
    assert!(read_through > 10_000, "only {read_through} were answers at all");
}
