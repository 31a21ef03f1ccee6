//! A request as it is sent: header lines that are always the same are serialised once, and copied. Pure.

use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// Serialised header lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct HeaderLines(Vec<u8>);

impl HeaderLines {
    /// All fields of a map.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let mut lines = Self::default();
        for (name, value) in headers {
            lines.push(name, value);
        }
        lines
    }

    /// Adds a field. Names and values of these types contain no line ends.
    pub(crate) fn push(&mut self, name: &HeaderName, value: &HeaderValue) {
        self.0.extend_from_slice(name.as_str().as_bytes());
        self.0.extend_from_slice(b": ");
        self.0.extend_from_slice(value.as_bytes());
        self.0.extend_from_slice(b"\r\n");
    }

    /// Adds a field whose text contains no line ends: `text` appends the value, and returns false to leave the field out.
    pub(crate) fn push_with(&mut self, name: &HeaderName, text: impl FnOnce(&mut Vec<u8>) -> bool) {
        let before = self.0.len();
        self.0.extend_from_slice(name.as_str().as_bytes());
        self.0.extend_from_slice(b": ");
        if text(&mut self.0) {
            self.0.extend_from_slice(b"\r\n");
        } else {
            self.0.truncate(before);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Buffers in which requests are written, reused from one to the next.
#[derive(Debug, Default)]
pub(crate) struct RequestBuffers {
    /// The whole request.
    pub(crate) request: Vec<u8>,
    /// Header lines that are the same for all requests of a step.
    pub(crate) step_headers: HeaderLines,
    /// Header lines of one request.
    pub(crate) user_headers: HeaderLines,
}

/// Writes a whole request; `path` is a valid path with its query.
pub(crate) fn write_request(
    out: &mut Vec<u8>,
    method: &Method,
    path: &str,
    lines: [&HeaderLines; 3],
    body: &[u8],
) {
    out.clear();
    for part in [method.as_str(), " ", path, " HTTP/1.1\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    for HeaderLines(lines) in lines {
        out.extend_from_slice(lines);
    }
    if !body.is_empty() || matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
        out.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_its_lines_and_its_body() {
        let mut user_headers = HeaderLines::default();
        user_headers.push(&http::header::COOKIE, &HeaderValue::from_static("a=1"));
        let fixed = HeaderLines::from_headers(
            &[(http::header::HOST, HeaderValue::from_static("shop.test"))].into_iter().collect(),
        );
        user_headers.push_with(&http::header::REFERER, |_| false);
        let none = HeaderLines::default();
        let mut out = vec![1, 2, 3];
        write_request(&mut out, &Method::GET, "/a?b", [&fixed, &none, &user_headers], b"");
        assert_eq!(out, b"GET /a?b HTTP/1.1\r\nhost: shop.test\r\ncookie: a=1\r\n\r\n");
        write_request(&mut out, &Method::POST, "/", [&fixed, &none, &none], b"");
        assert_eq!(out, b"POST / HTTP/1.1\r\nhost: shop.test\r\ncontent-length: 0\r\n\r\n");
        write_request(&mut out, &Method::DELETE, "/", [&fixed, &none, &none], b"xy");
        assert_eq!(out, b"DELETE / HTTP/1.1\r\nhost: shop.test\r\ncontent-length: 2\r\n\r\nxy");
    }
}
