//! Answers of strangers, bent a million times: nothing may panic, and no byte is taken twice or made up.
//!
//! By hand: `cargo test --release -p kneepoint-loadgen --lib fuzz -- --ignored --nocapture`.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::framing::{Body, Framing};
use super::head::Head;

const ANSWERS: [&[u8]; 5] = [
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: 12\r\nSet-Cookie: a=1; Path=/\r\n\r\nhello world!",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n5;x=\"y\"\r\nhello\r\n6\r\n world\r\n0\r\nA: b\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: /away\r\nContent-Length: 0\r\nCache-Status: nginx; hit\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nServer-Timing: app;dur=4, db;dur=2;desc=\"3 queries\"\r\n\r\nuntil the end",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
];

fn bend(rng: &mut ChaCha8Rng, from: &[u8]) -> Vec<u8> {
    const SHARP: &[u8] = b"\r\n:;, \t\0\"0123456789abcdefxGHT/.-\xff";
    let mut bent = from.to_vec();
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..=bent.len());
        match rng.random_range(0..4) {
            0 => bent.truncate(at.max(1)),
            1 => bent.insert(at, SHARP[rng.random_range(0..SHARP.len())]),
            2 if at < bent.len() => drop(bent.remove(at)),
            _ => {
                if let Some(byte) = bent.get_mut(at) {
                    *byte = SHARP[rng.random_range(0..SHARP.len())];
                }
            }
        }
    }
    bent
}

/// Reads an answer whose body comes in pieces; gives its content and how many bytes were taken.
fn read(input: &[u8], piece: usize) -> Option<(Vec<u8>, usize)> {
    let (head, length) = Head::parse(input, false).ok()??;
    let _ = (head.get("set-cookie"), head.get("location"), head.all("connection").count());
    let (mut body, mut content, mut taken) = (Body::new(head.framing), Vec::new(), 0);
    for part in input[length..].chunks(piece) {
        taken += body.take(part, &mut |data| content.extend_from_slice(data)).ok()?;
    }
    assert!(content.len() <= taken && taken <= input.len() - length);
    if head.framing == Framing::UntilClose {
        assert_eq!(content.len(), input.len() - length);
    }
    Some((content, taken))
}

#[test]
#[ignore = "a million inputs: by hand"]
fn a_million_answers() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut read_through = 0_u64;
    for _ in 0..1_000_000 {
        let answer = ANSWERS[rng.random_range(0..ANSWERS.len())];
        let bent = bend(&mut rng, answer);
        let whole = read(&bent, usize::MAX);
        assert_eq!(whole, read(&bent, rng.random_range(1..20)), "{:?}", String::from_utf8_lossy(&bent));
        read_through += u64::from(whole.is_some());
    }
    assert!(read_through > 10_000, "only {read_through} were answers at all");
}
