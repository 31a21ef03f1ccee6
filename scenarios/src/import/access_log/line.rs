//! One line of an access log in any supported format. Copies only what JSON escapes require.

use super::clf::{self, TimestampCache};
use super::entry::LogEntry;
use super::json;

/// Parses a line; `None` when it is in no supported format.
pub(super) fn parse_line<'a>(line: &'a [u8], times: &mut TimestampCache) -> Option<LogEntry<'a>> {
    if line.first() == Some(&b'{') { json::parse(line) } else { clf::parse(line, times) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(line: &str) -> Option<(Option<i64>, String, String, u16)> {
        let entry = parse_line(line.as_bytes(), &mut TimestampCache::default())?;
        Some((entry.at_ms, entry.method.into_owned(), entry.target.into_owned(), entry.status))
    }

    #[test]
    fn common_and_combined_lines() {
        let combined = "203.0.113.9 - frank [10/Oct/2000:13:55:36 -0700] \"GET /books/?q=a%20b HTTP/1.0\" 200 2326 \
            \"http://example.test/start.html\" \"Mozilla/4.08 [en] (Win98; I ;Nav)\"";
        assert_eq!(
            read(combined),
            Some((Some(971_211_336_000), "GET".to_owned(), "/books/?q=a%20b".to_owned(), 200))
        );
        let with_host = "shop.test:443 ::1 - - [28/Nov/2026:00:00:00 +0000] \"POST /cart/ HTTP/2.0\" 302 0";
        assert_eq!(
            read(with_host),
            Some((Some(1_795_824_000_000), "POST".to_owned(), "/cart/".to_owned(), 302))
        );
        let quoted = "::1 - - [28/Nov/2026:00:00:00 +0000] \"GET /say?\\\"x\\\" HTTP/1.1\" 200 5";
        assert_eq!(
            read(quoted),
            Some((Some(1_795_824_000_000), "GET".to_owned(), "/say?\\\"x\\\"".to_owned(), 200))
        );
        let odd_time = "::1 - - [yesterday] \"GET / HTTP/1.1\" 200 5";
        assert_eq!(read(odd_time).map(|entry| entry.0), Some(None));
    }

    #[test]
    fn clients_are_identified_by_address_and_user_agent() {
        let client_of = |address: &str, rest: &str| {
            let line = format!("{address} - - [28/Nov/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 5{rest}");
            parse_line(line.as_bytes(), &mut TimestampCache::default()).expect("a line").client
        };
        let one = client_of("::1", " \"http://a.test/?\\\"x\" \"curl/8\"");
        assert!(one.is_some());
        assert_eq!(
            one,
            client_of("::1", " \"-\" \"curl/8\" 0.003"),
            "the referrer and later fields are ignored"
        );
        assert_ne!(one, client_of("::2", " \"-\" \"curl/8\""));
        assert_ne!(one, client_of("::1", " \"-\" \"curl/9\""));
        for rest in ["", " \"-\"", " \"-\" \"-\"", " \"-\" \"cut"] {
            assert_eq!(client_of("::1", rest), None, "{rest}");
        }
    }

    #[test]
    fn lines_without_a_request_are_unparseable() {
        for line in [
            "",
            "-",
            "::1 - - [28/Nov/2026:00:00:00 +0000] \"-\" 408 0",
            "::1 - - [28/Nov/2026:00:00:00 +0000] \"\\x16\\x03\\x01\" 400 157",
            "::1 - - [28/Nov/2026:00:00:00 +0000] \"GET / HTTP/1.1\" - 0",
            "::1 - - [28/Nov/2026:00:00:00 +0000] \"GET / HTTP/1.1",
            "::1 - - [28/Nov/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 999 0",
            "{\"half\": ",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_line(&line, &mut TimestampCache::default());
        }

        #[test]
        fn a_truncated_line_never_panics(at in 0usize..120) {
            let line = "::1 - - [28/Nov/2026:00:00:00 +0000] \"GET /a?\\\"b HTTP/1.1\" 200 5 \"-\" \"curl\"";
            let _ = parse_line(&line.as_bytes()[..at.min(line.len())], &mut TimestampCache::default());
        }
    }
}
