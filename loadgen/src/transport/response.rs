//! Reads a response: bytes in, in any pieces, until it is complete. Pure, apart from the times that are passed in.

use std::time::Instant;

use kneepoint_model::outcome::Outcome;

use super::content_coding::decoded_len;
use super::failure::RequestFailure;
use super::framing::{BodyReader, Framing};
use super::head::ResponseHead;

/// How to read a response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadOptions {
    /// Keeps the body; otherwise it is only counted.
    pub(crate) keep_body: bool,
    /// Longest body, in bytes; a longer one is a failure.
    pub(crate) max_body: u64,
    /// It is a response to HEAD, and so has no body whatever its fields declare.
    pub(crate) is_head: bool,
}

/// A complete response, its body still encoded.
#[derive(Debug)]
pub(crate) struct RawResponse {
    pub(crate) head: ResponseHead,
    pub(crate) first_byte: Instant,
    pub(crate) done: Instant,
    /// Bytes of the body as received.
    pub(crate) wire: u64,
    /// The body, when it was to be kept.
    pub(crate) body: Vec<u8>,
    /// Its last four bytes: in gzip, the length of the original.
    pub(crate) tail: [u8; 4],
}

impl RawResponse {
    /// Length of the decoded body, where it is known without decoding it.
    pub(crate) fn decoded_len(&self) -> Option<u64> {
        decoded_len(self.head.body_encoding(), self.wire, self.tail)
    }
}

/// Progress of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// More bytes are needed.
    Begun,
    /// It is complete, and nothing came after it.
    Whole,
    /// It is complete, and unexpected bytes came after it.
    WholeAndMore,
}

/// A response that is being read.
#[derive(Debug)]
pub(super) struct ResponseReader {
    options: ReadOptions,
    first_byte: Option<Instant>,
    last_byte: Option<Instant>,
    /// The beginning of an incomplete head.
    begun: Vec<u8>,
    head: Option<ResponseHead>,
    body: BodyReader,
    wire: u64,
    content: Vec<u8>,
    tail: [u8; 4],
}

impl ResponseReader {
    pub(super) fn new(options: ReadOptions) -> Self {
        Self {
            options,
            first_byte: None,
            last_byte: None,
            begun: Vec::new(),
            head: None,
            body: BodyReader::new(Framing::None),
            wire: 0,
            content: Vec::new(),
            tail: [0; 4],
        }
    }

    /// True as soon as any byte has come.
    pub(super) fn has_begun(&self) -> bool {
        self.first_byte.is_some()
    }

    /// Takes the bytes that came at `at`; not empty, and never after the response was complete.
    ///
    /// # Errors
    /// It is not HTTP, or too long.
    pub(super) fn take(&mut self, data: &[u8], at: Instant) -> Result<Progress, RequestFailure> {
        self.first_byte.get_or_insert(at);
        self.last_byte = Some(at);
        if self.head.is_some() {
            return self.take_content(data);
        }
        if self.begun.is_empty() {
            let taken = self.heads(data)?;
            return self.after_head(&data[taken..]);
        }
        let mut begun = std::mem::take(&mut self.begun);
        begun.extend_from_slice(data);
        let taken = self.heads(&begun)?;
        self.after_head(&begun[taken..])
    }

    /// Takes what follows the heads, or keeps the beginning of an incomplete one.
    fn after_head(&mut self, rest: &[u8]) -> Result<Progress, RequestFailure> {
        if self.head.is_some() {
            return self.take_content(rest);
        }
        self.begun.extend_from_slice(rest);
        Ok(Progress::Begun)
    }

    /// Parses heads up to the final one; informational ones are skipped. Returns the number of bytes read.
    fn heads(&mut self, data: &[u8]) -> Result<usize, RequestFailure> {
        let mut taken = 0;
        while taken < data.len() {
            let head = ResponseHead::parse(&data[taken..], self.options.is_head);
            let Some((head, length)) = head.map_err(|why| RequestFailure::protocol(&why))? else { break };
            taken += length;
            match head.status {
                101 => return Err(RequestFailure::protocol("it wants to speak another protocol")),
                100..200 => {}
                _ => {
                    self.body = BodyReader::new(head.framing);
                    self.head = Some(head);
                    break;
                }
            }
        }
        Ok(taken)
    }

    fn take_content(&mut self, data: &[u8]) -> Result<Progress, RequestFailure> {
        let Self { options, body, wire, content, tail, .. } = self;
        let mut each = |part: &[u8]| {
            *wire += part.len() as u64;
            keep_tail(tail, part);
            if options.keep_body && *wire <= options.max_body {
                content.extend_from_slice(part);
            }
        };
        let taken = body.take(data, &mut each).map_err(|why| self.broken(RequestFailure::protocol(why)))?;
        if self.wire > self.options.max_body {
            let detail = format!("more than {} bytes", self.options.max_body);
            return Err(self.broken(RequestFailure::new(Outcome::BodyTooLarge, &detail)));
        }
        Ok(match (self.body.is_done(), taken < data.len()) {
            (false, _) => Progress::Begun,
            (true, false) => Progress::Whole,
            (true, true) => Progress::WholeAndMore,
        })
    }

    /// Whether the response is complete if the connection ends at `at`.
    pub(super) fn end_at(&mut self, at: Instant) -> bool {
        let whole = self.head.is_some() && self.body.may_end();
        if whole {
            self.last_byte = Some(at);
        }
        whole
    }

    /// Adds to a failure what had come before it.
    pub(super) fn broken(&self, failure: RequestFailure) -> RequestFailure {
        match (&self.head, self.first_byte) {
            (Some(head), Some(first_byte)) => failure.with_response_started(head.status, first_byte),
            _ => failure,
        }
    }

    /// The response, once it is complete. It ended when its last bytes came, however long it took to read them.
    pub(super) fn finish(self) -> Option<RawResponse> {
        let (first_byte, done) = (self.first_byte?, self.last_byte?);
        Some(RawResponse {
            head: self.head?,
            first_byte,
            done,
            wire: self.wire,
            body: self.content,
            tail: self.tail,
        })
    }
}

pub(super) fn keep_tail(tail: &mut [u8; 4], data: &[u8]) {
    match data.len() {
        0 => {}
        1..4 => {
            tail.rotate_left(data.len());
            tail[4 - data.len()..].copy_from_slice(data);
        }
        n => tail.copy_from_slice(&data[n - 4..]),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const WANTED: ReadOptions = ReadOptions { keep_body: true, max_body: 100, is_head: false };

    /// Reads it in pieces that come a millisecond apart.
    fn read(text: &[u8], piece: usize) -> Result<(ResponseReader, Progress), RequestFailure> {
        let (mut reader, start, mut progress) =
            (ResponseReader::new(WANTED), Instant::now(), Progress::Begun);
        for (n, part) in (1..).zip(text.chunks(piece)) {
            if progress != Progress::Begun {
                return Ok((reader, Progress::WholeAndMore));
            }
            progress = reader.take(part, start + Duration::from_millis(n))?;
        }
        Ok((reader, progress))
    }

    #[test]
    fn the_tail_is_the_last_four_bytes_however_they_come() {
        let mut tail = [0; 4];
        for piece in [&b"abcdef"[..], b"g", b"", b"hi"] {
            keep_tail(&mut tail, piece);
        }
        assert_eq!(&tail, b"fghi");
    }

    #[test]
    fn informational_responses_are_skipped_and_extra_bytes_are_reported() {
        let text = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        for piece in 1..=text.len() {
            let (reader, progress) = read(text, piece).expect("a response");
            assert_eq!(progress, Progress::Whole, "{piece}");
            let response = reader.finish().expect("whole");
            assert_eq!((response.head.status, response.wire, response.body.as_slice()), (200, 2, &b"ok"[..]));
            assert_eq!(response.done == response.first_byte, piece == text.len());
        }
        let more = b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
        assert_eq!(read(more, more.len()).expect("a response").1, Progress::WholeAndMore);
    }

    #[test]
    fn a_failure_reports_what_had_come_before_it() {
        let upgrade = read(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 99).expect_err("refused");
        assert_eq!((upgrade.outcome, upgrade.response_started), (Outcome::Protocol, None));
        let long = format!("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n{}", "x".repeat(101));
        let long = read(long.as_bytes(), 500).expect_err("too long");
        assert_eq!(
            (long.outcome, long.response_started.map(|(status, _)| status)),
            (Outcome::BodyTooLarge, Some(200))
        );
        let chunk = read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz", 7).expect_err("no size");
        assert_eq!(
            (chunk.outcome, chunk.response_started.map(|(status, _)| status)),
            (Outcome::Protocol, Some(200))
        );
    }

    #[test]
    fn a_connection_that_ends_may_end_the_response() {
        for (text, ends) in [
            (&b"HTTP/1.0 200 OK\r\n\r\nsome"[..], true),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome", false),
            (b"HTTP/1.1 200 OK\r\nConte", false),
        ] {
            let (mut reader, progress) = read(text, 10).expect("so far");
            assert_eq!((progress, reader.end_at(Instant::now())), (Progress::Begun, ends));
            assert_eq!(reader.finish().is_some(), text.len() > 24 || ends);
        }
        assert!(!ResponseReader::new(WANTED).end_at(Instant::now()));
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(length in 0usize..90, piece in 1usize..40) {
            let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nA: b\r\n\r\n{}", "y".repeat(length));
            let (reader, progress) = read(text.as_bytes(), piece).expect("a response");
            prop_assert_eq!(progress, Progress::Whole);
            let response = reader.finish().expect("whole");
            prop_assert_eq!((response.wire, response.body.len(), response.head.get("a")), (length as u64, length, Some("b")));
        }
    }
}
