//! Parses the comment in a statement that names its request: `/*route='books%2F',traceparent='00-…'*/`, the
//! convention of sqlcommenter (<https://google.github.io/sqlcommenter/spec/>). Unknown keys are ignored.

use kneepoint_model::text::clip;

/// Longest route, in characters.
const MAX_ROUTE: usize = 200;

/// Route and trace of the request that ran a statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RequestComment {
    pub(crate) route: Option<String>,
    pub(crate) trace_id: Option<String>,
}

/// Parses all comments of a statement; the last value of a key wins.
pub(crate) fn parse_comments(text: &str) -> RequestComment {
    let mut comment = RequestComment::default();
    let mut rest = text;
    while let Some(start) = rest.find("/*") {
        let inner = &rest[start + 2..];
        let end = inner.find("*/").unwrap_or(inner.len());
        inner[..end].split(',').for_each(|pair| comment.apply(pair));
        rest = inner.get(end + 2..).unwrap_or_default();
    }
    comment
}

impl RequestComment {
    fn apply(&mut self, pair: &str) {
        let Some((key, value)) = pair.split_once('=') else { return };
        let value = value.trim();
        let Some(value) = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')) else { return };
        let value = percent_decode(&value.replace("\\'", "'"));
        match key.trim() {
            "route" | "http_route" if !value.is_empty() => {
                self.route = Some(clip(&value, MAX_ROUTE).to_owned());
            }
            "traceparent" => self.trace_id = parse_trace_id(&value).or(self.trace_id.take()),
            _ => {}
        }
    }
}

/// Trace id of a W3C `traceparent`.
fn parse_trace_id(value: &str) -> Option<String> {
    let id = value.split('-').nth(1)?;
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_ascii_lowercase())
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn route_and_trace_are_read_wherever_the_comment_stands() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let text = format!("SELECT 1 /* x */ /*route='books%2F%3Cint%3Apk%3E%2F',traceparent='{parent}'*/");
        let comment = parse_comments(&text);
        assert_eq!(comment.route.as_deref(), Some("books/<int:pk>/"));
        assert_eq!(comment.trace_id.as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
    }

    #[test]
    fn garbage_gives_no_values() {
        for text in
            ["", "/*", "/*route=*/", "/*route='%zz", "/*traceparent='00-xx-1'*/", "SELECT '%", "/*route=''*/"]
        {
            assert_eq!(parse_comments(text), RequestComment::default(), "{text}");
        }
        assert_eq!(parse_comments("/*route='50%ü'*/").route.as_deref(), Some("50%ü"));
    }
}
