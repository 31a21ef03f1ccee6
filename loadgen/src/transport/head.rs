//! The head of a response: stored as received, looked up by name. Pure.
//!
//! The end of the body follows RFC 9112 §6.3, reuse of the connection §9.3.

use super::content_coding::BodyEncoding;
use super::framing::Framing;
use super::syntax::{ByteRange, HeadLine, parse_field_line, parse_status_line};

/// A response with more fields is refused.
const MAX_FIELDS: usize = 100;
/// Initial capacity, enough for most responses.
const USUAL_FIELD_COUNT: usize = 16;
/// Longer heads are refused.
pub(crate) const MAX_HEAD_LEN: usize = 64 << 10;

/// A parsed head.
#[derive(Debug, Clone)]
pub(crate) struct ResponseHead {
    bytes: Box<[u8]>,
    fields: Vec<FieldRange>,
    names: NameFilter,
    pub(crate) status: u16,
    pub(super) framing: Framing,
    /// Whether another request may follow on the connection, once the body is read.
    pub(super) keep_alive: bool,
}

/// Positions of a name and its value in the bytes: start and end.
#[derive(Debug, Clone, Copy)]
struct FieldRange {
    name: (u32, u32),
    value: (u32, u32),
}

fn to_u32_range((begin, end): ByteRange) -> (u32, u32) {
    (begin as u32, end as u32)
}

/// A filter of the names that may be present: one bit per name, shared by names of equal length and first letter. Most look-ups
/// are for names that are absent, and end here.
#[derive(Debug, Clone, Copy, Default)]
struct NameFilter(u64);

impl NameFilter {
    fn bit(name: &[u8]) -> u64 {
        // Lower-cases letters; other characters do no harm.
        let first = name.first().map_or(0, |first| first | 0x20);
        1 << ((name.len() ^ usize::from(first)) % 64)
    }
    fn add(&mut self, name: &[u8]) {
        self.0 |= Self::bit(name);
    }
    fn may_have(self, name: &str) -> bool {
        self.0 & Self::bit(name.as_bytes()) != 0
    }
}

impl ResponseHead {
    /// Parses a head at the beginning of `input`: returns it with its length, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(input: &[u8], is_head: bool) -> Result<Option<(Self, usize)>, String> {
        let so_far =
            || if input.len() > MAX_HEAD_LEN { Err("a head without an end".to_owned()) } else { Ok(None) };
        let Some((status_line, mut at)) = parse_status_line(input)? else { return so_far() };
        let (mut fields, mut names) = (Vec::with_capacity(USUAL_FIELD_COUNT), NameFilter::default());
        let mut framing_fields = FramingFields::default();
        loop {
            let Some((line, next)) = parse_field_line(input, at)? else { return so_far() };
            at = next;
            let HeadLine::Field { name, value } = line else { break };
            if fields.len() == MAX_FIELDS {
                return Err(format!("more than {MAX_FIELDS} fields"));
            }
            names.add(&input[name.0..name.1]);
            framing_fields.add_field(&input[name.0..name.1], &input[value.0..value.1]);
            fields.push(FieldRange { name: to_u32_range(name), value: to_u32_range(value) });
        }
        let status = status_line.code;
        let has_none = is_head || matches!(status, 100..200 | 204 | 304);
        let framing = if has_none { Framing::None } else { framing_fields.framing()? };
        let keep_alive = framing != Framing::UntilClose && framing_fields.keeps(status_line.is_http11);
        Ok(Some((Self { bytes: input[..at].into(), fields, names, status, framing, keep_alive }, at)))
    }

    /// The value of the first field of this name; `None` when it is missing or not text.
    #[inline]
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        if !self.names.may_have(name) {
            return None;
        }
        let field = self.fields.iter().find(|field| self.is_named(field, name))?;
        std::str::from_utf8(self.text(field.value)).ok()
    }

    /// The values of all fields of this name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let fields = if self.names.may_have(name) { &self.fields[..] } else { &[] };
        let named = fields.iter().filter(move |field| self.is_named(field, name));
        named.filter_map(|field| std::str::from_utf8(self.text(field.value)).ok())
    }

    /// How the body is encoded, by `Content-Encoding`.
    pub(crate) fn body_encoding(&self) -> BodyEncoding {
        BodyEncoding::from_header(self.get("content-encoding"))
    }

    fn is_named(&self, field: &FieldRange, name: &str) -> bool {
        self.text(field.name).eq_ignore_ascii_case(name.as_bytes())
    }

    fn text(&self, (begin, end): (u32, u32)) -> &[u8] {
        self.bytes.get(begin as usize..end as usize).unwrap_or_default()
    }
}

/// The fields that determine the end of the body and of the connection.
#[derive(Debug, Default)]
struct FramingFields {
    length: Option<u64>,
    /// Whether the last transfer coding is chunked; `None` without any.
    is_chunked: Option<bool>,
    has_close: bool,
    has_keep_alive: bool,
    /// What is wrong with the length; it matters only where there is a body.
    wrong: Option<&'static str>,
}

impl FramingFields {
    fn add_field(&mut self, name: &[u8], value: &[u8]) {
        // Most names differ in their length.
        match name.len() {
            14 if equals_ignoring_case(name, b"Content-Length") => {
                for number in value.split(|byte| *byte == b',') {
                    match (parse_digits(number.trim_ascii()), self.length) {
                        (None, _) => self.wrong = Some("a Content-Length that is no number"),
                        (Some(number), Some(other)) if number != other => self.wrong = Some("two lengths"),
                        (number, _) => self.length = number,
                    }
                }
            }
            17 if equals_ignoring_case(name, b"Transfer-Encoding") => {
                let last = value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
                self.is_chunked = Some(last.trim_ascii().eq_ignore_ascii_case(b"chunked"));
            }
            10 if equals_ignoring_case(name, b"Connection") => {
                for word in value.split(|byte| *byte == b',') {
                    let word = word.trim_ascii();
                    self.has_close |= equals_ignoring_case(word, b"close");
                    self.has_keep_alive |= equals_ignoring_case(word, b"keep-alive");
                }
            }
            _ => {}
        }
    }

    fn framing(&self) -> Result<Framing, String> {
        match (self.is_chunked, self.wrong, self.length) {
            (Some(true), _, _) => Ok(Framing::Chunked),
            (Some(false), _, _) | (None, None, None) => Ok(Framing::UntilClose),
            (None, Some(wrong), _) => Err(wrong.to_owned()),
            (None, None, Some(length)) => Ok(Framing::Length(length)),
        }
    }

    /// When a response declares two ends of its body, the peer may use a third: such a connection is not reused.
    fn keeps(&self, is_http11: bool) -> bool {
        let keeps = if is_http11 { !self.has_close } else { self.has_keep_alive };
        keeps && !(self.is_chunked.is_some() && self.length.is_some())
    }
}

/// Compares without case; faster for the usual spelling.
fn equals_ignoring_case(word: &[u8], usual: &[u8]) -> bool {
    word == usual || word.eq_ignore_ascii_case(usual)
}

/// A number of digits only: `+5` is valid in Rust, and not in HTTP.
fn parse_digits(text: &[u8]) -> Option<u64> {
    let add = |number: u64, byte: u8| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { number.checked_mul(10)?.checked_add(u64::from(digit)) }
    };
    if text.is_empty() { None } else { text.iter().copied().try_fold(0, add) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> ResponseHead {
        ResponseHead::parse(text.as_bytes(), false).expect("a head").expect("whole").0
    }

    #[test]
    fn fields_are_found_by_any_spelling() {
        let head = read(
            "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie:  b=2 \r\nX-Odd: \u{fffd}\r\nEmpty:\r\n\r\n",
        );
        assert_eq!(head.all("set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert_eq!(
            (head.get("SET-COOKIE"), head.get("empty"), head.get("none")),
            (Some("a=1"), Some(""), None)
        );
    }

    #[test]
    fn the_end_of_the_body_is_where_the_rules_say() {
        for (text, framing, keeps) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Framing::Length(5), true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n", Framing::Length(5), true),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n", Framing::Chunked, true),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
                Framing::Chunked,
                false,
            ),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", Framing::UntilClose, false),
            ("HTTP/1.1 200 OK\r\n\r\n", Framing::UntilClose, false),
            ("HTTP/1.1 204 No Content\r\n\r\n", Framing::None, true),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Framing::None, true),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: foo, Close\r\n\r\n",
                Framing::Length(0),
                false,
            ),
            ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", Framing::Length(0), false),
            (
                "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n",
                Framing::Length(0),
                true,
            ),
        ] {
            let head = read(text);
            assert_eq!((head.framing, head.keep_alive), (framing, keeps), "{text}");
        }
        let (head, length) =
            ResponseHead::parse(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nrest", true).unwrap().unwrap();
        assert_eq!((head.framing, length), (Framing::None, 38));
        let odd = ResponseHead::parse(b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n", true);
        assert!(odd.is_ok_and(|head| head.is_some()), "where there is no body, its length does not matter");
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for text in [
            "banana banana\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        ] {
            assert!(ResponseHead::parse(text.as_bytes(), false).is_err(), "{text}");
        }
        assert!(ResponseHead::parse(b"HTTP/1.1 200 OK\r\nContent-", false).expect("so far").is_none());
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(MAX_HEAD_LEN));
        assert!(ResponseHead::parse(endless.as_bytes(), false).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_head_or_not(bytes in prop::collection::vec(any::<u8>(), 0..300), is_head: bool) {
            let _ = ResponseHead::parse(&bytes, is_head);
        }
    }
}
