//! The head of an answer: read by httparse, kept as it came, looked up by name. Pure.
//!
//! How the body ends follows RFC 9112 §6.3, whether the connection can be used again §9.3.

use super::framing::Framing;

/// More fields than this are no answer of a site.
const MOST_FIELDS: usize = 100;
/// Longer heads are not read.
pub(crate) const LONGEST: usize = 64 << 10;

/// A head that was read.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    bytes: Box<[u8]>,
    fields: Vec<Field>,
    pub(crate) status: u16,
    pub(super) framing: Framing,
    /// Whether another request may follow on the connection, once the body is read.
    pub(super) keeps: bool,
}

/// Where a name and its value lie within the bytes.
#[derive(Debug, Clone, Copy)]
struct Field {
    name: (u32, u32),
    value: (u32, u32),
}

impl Head {
    /// Reads a head from the beginning of `input`: with its length, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// In words, what is wrong with it.
    pub(super) fn parse(input: &[u8], answers_head: bool) -> Result<Option<(Self, usize)>, String> {
        let mut slots = [httparse::EMPTY_HEADER; MOST_FIELDS];
        let mut answer = httparse::Response::new(&mut slots);
        let length = match answer.parse(input) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if input.len() > LONGEST => {
                return Err("a head without an end".to_owned());
            }
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let bytes: Box<[u8]> = input[..length].into();
        let base = input.as_ptr() as usize;
        let place = |part: &[u8]| ((part.as_ptr() as usize - base) as u32, part.len() as u32);
        let fields = answer
            .headers
            .iter()
            .map(|field| Field { name: place(field.name.as_bytes()), value: place(field.value) })
            .collect();
        let status = answer.code.unwrap_or_default();
        let modern = answer.version == Some(1);
        let mut head = Self { bytes, fields, status, framing: Framing::None, keeps: false };
        head.framing = head.framing(answers_head)?;
        let says = |word: &str| {
            head.all("connection")
                .flat_map(|text| text.split(','))
                .any(|own| own.trim().eq_ignore_ascii_case(word))
        };
        let twice = head.get("transfer-encoding").is_some() && head.get("content-length").is_some();
        let keeps = if modern { !says("close") } else { says("keep-alive") };
        head.keeps = keeps && !twice && head.framing != Framing::UntilClose;
        Ok(Some((head, length)))
    }

    /// The value of the first field of this name; `None` when there is none, or it is no text.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|field| self.is_named(field, name))?;
        std::str::from_utf8(self.part(field.value)).ok()
    }

    /// The values of all fields of this name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.fields.iter().filter(move |field| self.is_named(field, name));
        named.filter_map(|field| std::str::from_utf8(self.part(field.value)).ok())
    }

    fn is_named(&self, field: &Field, name: &str) -> bool {
        field.name.1 as usize == name.len() && self.part(field.name).eq_ignore_ascii_case(name.as_bytes())
    }

    fn part(&self, (at, length): (u32, u32)) -> &[u8] {
        self.bytes.get(at as usize..(at + length) as usize).unwrap_or_default()
    }

    fn framing(&self, answers_head: bool) -> Result<Framing, String> {
        if answers_head || matches!(self.status, 100..200 | 204 | 304) {
            return Ok(Framing::None);
        }
        if let Some(codings) = self.all("transfer-encoding").last() {
            let last = codings.rsplit(',').next().unwrap_or_default().trim();
            return Ok(if last.eq_ignore_ascii_case("chunked") {
                Framing::Chunked
            } else {
                Framing::UntilClose
            });
        }
        let mut length = None;
        for text in self.all("content-length").flat_map(|text| text.split(',')) {
            let text = text.trim();
            // `+5` is a number to Rust, and not to HTTP.
            let number = text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
            let number = number.ok_or_else(|| "a Content-Length that is no number".to_owned())?;
            if length.is_some_and(|other| other != number) {
                return Err("two lengths".to_owned());
            }
            length = Some(number);
        }
        Ok(length.map_or(Framing::UntilClose, Framing::Length))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Head {
        Head::parse(text.as_bytes(), false).expect("a head").expect("whole").0
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
            assert_eq!((head.framing, head.keeps), (framing, keeps), "{text}");
        }
        let (head, length) =
            Head::parse(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nrest", true).unwrap().unwrap();
        assert_eq!((head.framing, length), (Framing::None, 38));
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for text in [
            "banana banana\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        ] {
            assert!(Head::parse(text.as_bytes(), false).is_err(), "{text}");
        }
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\nContent-", false).expect("so far").is_none());
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(LONGEST));
        assert!(Head::parse(endless.as_bytes(), false).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_head_or_not(bytes in prop::collection::vec(any::<u8>(), 0..300), answers_head: bool) {
            let _ = Head::parse(&bytes, answers_head);
        }
    }
}
