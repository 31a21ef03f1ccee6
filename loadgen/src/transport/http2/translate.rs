//! Translates requests and response heads between the notation of HTTP/1.1, which the rest of the generator uses, and HTTP/2.
//! Pure.
//!
//! Source: RFC 9113 §8.2.2 (fields of a connection), §8.3.1 (the request line and `Host`).

use bytes::Bytes;
use http::header::{CONNECTION, HOST, TE, TRANSFER_ENCODING, UPGRADE};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};

use crate::transport::head::ResponseHead;

/// A request of ours has fewer fields.
const MAX_FIELDS: usize = 128;
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// A request that can be sent, and sent again.
#[derive(Debug)]
pub(super) struct Http2Request {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Http2Request {
    /// Parses what [`crate::transport::write_request`] wrote.
    ///
    /// # Errors
    /// What HTTP/2 cannot express.
    pub(super) fn parse(written: &[u8], scheme: &str) -> Result<Self, String> {
        let mut slots = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut request = httparse::Request::new(&mut slots);
        let length = match request.parse(written) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Err("a request without an end".to_owned()),
            Err(error) => return Err(error.to_string()),
        };
        let mut headers = HeaderMap::with_capacity(request.headers.len());
        let mut host = "";
        for field in request.headers.iter() {
            let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|e| e.to_string())?;
            if name == HOST {
                host = std::str::from_utf8(field.value).map_err(|e| e.to_string())?;
            } else if !is_connection_field(&name, field.value) {
                headers.append(name, HeaderValue::from_bytes(field.value).map_err(|e| e.to_string())?);
            }
        }
        let uri = Uri::builder()
            .scheme(scheme)
            .authority(host)
            .path_and_query(request.path.unwrap_or("/"))
            .build()
            .map_err(|e| format!("`{}` is no host: {e}", host.escape_debug()))?;
        let method = request.method.unwrap_or("GET").parse().map_err(|_| "no method".to_owned())?;
        Ok(Self { method, uri, headers, body: Bytes::copy_from_slice(&written[length..]) })
    }

    /// The head, which is sent ahead of the body.
    pub(super) fn head(&self) -> http::Request<()> {
        let mut head = http::Request::new(());
        *head.method_mut() = self.method.clone();
        *head.uri_mut() = self.uri.clone();
        *head.version_mut() = Version::HTTP_2;
        head.headers_mut().clone_from(&self.headers);
        head
    }
}

/// Fields that concern one connection of HTTP/1.1 are not allowed in HTTP/2.
fn is_connection_field(name: &HeaderName, value: &[u8]) -> bool {
    [CONNECTION, TRANSFER_ENCODING, UPGRADE, KEEP_ALIVE, PROXY_CONNECTION].contains(name)
        || (*name == TE && !value.eq_ignore_ascii_case(b"trailers"))
}

/// The head of a response in the notation of HTTP/1.1. HTTP/2 itself determines the end of the body.
///
/// # Errors
/// What is wrong with it.
/// In words, what is wrong with it.
pub(super) fn response_head(parts: &Parts) -> Result<ResponseHead, String> {
    let mut written = format!("HTTP/1.1 {} \r\n", parts.status.as_u16()).into_bytes();
    for (name, value) in &parts.headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            written.extend_from_slice(part);
        }
    }
    written.extend_from_slice(b"\r\n");
    let whole = ResponseHead::parse(&written, true)?;
    whole.map(|(head, _)| head).ok_or_else(|| "a head without an end".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transport::{HeaderLines, write_request};

    fn lines(fields: &[(&'static str, &str)]) -> HeaderLines {
        let mut lines = HeaderLines::default();
        for (name, value) in fields {
            lines.push(&HeaderName::from_static(name), &HeaderValue::from_str(value).expect("a value"));
        }
        lines
    }

    #[test]
    fn a_request_is_the_same_in_both_notations() {
        let mut written = Vec::new();
        let headers = lines(&[
            ("host", "shop.test:8443"),
            ("cookie", "a=1"),
            ("connection", "close"),
            ("te", "gzip"),
            ("x-odd", "  two  words "),
        ]);
        write_request(
            &mut written,
            &Method::POST,
            "/a?b=c",
            [&headers, &HeaderLines::default(), &HeaderLines::default()],
            b"x=1",
        );
        let request = Http2Request::parse(&written, "https").expect("a request");
        let head = request.head();
        assert_eq!(
            (head.method(), head.uri().to_string()),
            (&Method::POST, "https://shop.test:8443/a?b=c".into())
        );
        let mut names: Vec<&str> = head.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "cookie", "x-odd"]);
        assert_eq!(&request.body[..], b"x=1");
        assert_eq!(
            Http2Request::parse(b"GET / HTTP/1.1\r\n", "http").unwrap_err(),
            "a request without an end"
        );
        assert!(
            Http2Request::parse(b"GET / HTTP/1.1\r\nhost: a b\r\n\r\n", "http")
                .unwrap_err()
                .contains("`a b`")
        );
    }

    #[test]
    fn a_response_has_the_same_head_in_both_notations() {
        let response = http::Response::builder()
            .status(302)
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .header("location", "/x")
            .header("content-length", "five")
            .body(())
            .expect("a response");
        let head = response_head(&response.into_parts().0).expect("a head");
        assert_eq!((head.status, head.get("location")), (302, Some("/x")));
        assert_eq!(head.all("set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
    }

    proptest! {
        #[test]
        fn paths_and_values_survive(path in "/[a-z0-9/%_.~-]{0,30}", query in "[a-z=&]{0,10}", value in "[!-~]{1,40}", body in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut written = Vec::new();
            let headers = lines(&[("host", "shop.test"), ("x-value", &value)]);
            let path = format!("{path}?{query}");
            write_request(&mut written, &Method::PUT, &path, [&headers, &HeaderLines::default(), &HeaderLines::default()], &body);
            let request = Http2Request::parse(&written, "http").expect("a request");
            prop_assert_eq!(request.uri.path_and_query().map(ToString::to_string), Some(path));
            prop_assert_eq!(request.headers["x-value"].to_str().expect("text"), value);
            prop_assert_eq!(&request.body[..], &body[..]);
        }

        #[test]
        fn any_bytes_are_a_request_or_not(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Http2Request::parse(&bytes, "http");
        }
    }
}
