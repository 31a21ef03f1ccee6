//! Log lines that are JSON objects, with the field names of nginx variables (including kneepoint's own format), Caddy and
//! Traefik.

use std::borrow::Cow;

use serde::Deserialize;

use super::entry::{LogEntry, hash_client, split_request_line};
use super::time;

/// The supported fields under all their names.
#[derive(Deserialize)]
struct JsonLine<'a> {
    #[serde(
        borrow,
        default,
        alias = "request_method",
        alias = "RequestMethod",
        alias = "http_method",
        alias = "verb"
    )]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default, alias = "request_uri", alias = "RequestPath", alias = "path", alias = "url")]
    uri: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    request: Option<Request<'a>>,
    #[serde(
        borrow,
        default,
        alias = "status_code",
        alias = "DownstreamStatus",
        alias = "response_status",
        alias = "response"
    )]
    status: Option<NumberOrText<'a>>,
    #[serde(
        borrow,
        default,
        alias = "ts",
        alias = "timestamp",
        alias = "@timestamp",
        alias = "time_iso8601",
        alias = "time_local",
        alias = "StartUTC",
        alias = "msec"
    )]
    time: Option<NumberOrText<'a>>,
    // Separate fields instead of aliases, because a line may have several of them.
    #[serde(borrow, default)]
    remote_addr: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    client_ip: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "ClientHost")]
    client_host: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    http_user_agent: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    user_agent: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "request_User-Agent")]
    request_user_agent: Option<Cow<'a, str>>,
}

impl JsonLine<'_> {
    fn client(&self) -> Option<u64> {
        let address = self.remote_addr.as_ref().or(self.client_ip.as_ref()).or(self.client_host.as_ref())?;
        let agents = [&self.http_user_agent, &self.user_agent, &self.request_user_agent];
        let user_agent = agents.into_iter().find_map(Option::as_ref)?;
        hash_client(address.as_bytes(), user_agent.as_bytes())
    }
}

/// The field `request`: a request line (nginx) or an object (Caddy).
#[derive(Deserialize)]
#[serde(untagged)]
enum Request<'a> {
    Line(#[serde(borrow)] Cow<'a, str>),
    Parts {
        #[serde(borrow)]
        method: Cow<'a, str>,
        #[serde(borrow, alias = "url", alias = "path")]
        uri: Cow<'a, str>,
    },
}

/// A number, or a string that contains one.
#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText<'a> {
    Number(f64),
    Text(#[serde(borrow)] Cow<'a, str>),
}

/// Parses a line; `None` when it is not an object with method, target and status.
pub(super) fn parse(line: &[u8]) -> Option<LogEntry<'_>> {
    let line: JsonLine<'_> = serde_json::from_slice(line).ok()?;
    let client = line.client();
    let JsonLine { method, uri, request, status, time, .. } = line;
    let (method, target) = match (method, uri, request) {
        (Some(method), Some(uri), _) | (_, _, Some(Request::Parts { method, uri })) => (method, uri),
        (_, _, Some(Request::Line(line))) => {
            let (method, target) = split_request_line(&line)?;
            (Cow::Owned(method.to_owned()), Cow::Owned(target.to_owned()))
        }
        _ => return None,
    };
    let status = match status? {
        NumberOrText::Number(number) => number as u16,
        NumberOrText::Text(text) => text.parse().ok()?,
    };
    let at_ms = time.and_then(|time| match time {
        NumberOrText::Number(number) => time::parse_numeric_time(number),
        NumberOrText::Text(text) => {
            let number = text.parse().ok().and_then(time::parse_numeric_time);
            number.or_else(|| time::parse_rfc3339_time(&text)).or_else(|| time::parse_clf_time(&text))
        }
    });
    (100..600).contains(&status).then_some(LogEntry { at_ms, method, target, status, client })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_found_under_the_field_names_of_several_servers() {
        let client_of = |fields: &str| {
            let line = format!("{{\"method\":\"GET\",\"uri\":\"/\",\"status\":200{fields}}}");
            parse(line.as_bytes()).expect("a line").client
        };
        let one = client_of(r#","remote_addr":"::1","http_user_agent":"curl""#);
        assert!(one.is_some());
        assert_eq!(one, client_of(r#","ClientHost":"::1","request_User-Agent":"curl""#));
        assert_eq!(one, client_of(r#","remote_addr":"::1","client_ip":"::2","user_agent":"curl""#));
        assert_ne!(one, client_of(r#","remote_addr":"::2","http_user_agent":"curl""#));
        assert_eq!(
            (client_of(r#","remote_addr":"::1""#), client_of(r#","user_agent":"curl""#)),
            (None, None)
        );
    }

    #[test]
    fn requests_are_found_under_the_field_names_of_several_servers() {
        for line in [
            r#"{"msec":1795824000.250,"request_id":"7f","method":"GET","uri":"/b/?q=\"x\"","host":"h","status":200,"bytes_sent":5}"#,
            r#"{"time_iso8601":"2026-11-28T00:00:00+00:00","request_method":"GET","request_uri":"/b/?q=\"x\"","status":"200"}"#,
            r#"{"time_local":"28/Nov/2026:00:00:00 +0000","request":"GET /b/?q=\"x\" HTTP/1.1","status":"200"}"#,
            r#"{"level":"info","ts":1795824000.25,"request":{"method":"GET","uri":"/b/?q=\"x\"","headers":{}},"status":200}"#,
            r#"{"RequestMethod":"GET","RequestPath":"/b/?q=\"x\"","DownstreamStatus":200,"StartUTC":"2026-11-28T00:00:00.5Z"}"#,
        ] {
            let entry = parse(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((&*entry.method, &*entry.target, entry.status), ("GET", "/b/?q=\"x\"", 200), "{line}");
            assert_eq!(entry.at_ms.map(|at| at / 1_000), Some(1_795_824_000), "{line}");
        }
        for line in [
            "{}",
            "{\"method\":\"GET\",\"uri\":\"/\"}",
            "{\"method\":\"GET\",\"uri\":\"/\",\"status\":7}",
            "[1]",
        ] {
            assert!(parse(line.as_bytes()).is_none(), "{line}");
        }
    }
}
