//! A line that is a JSON object, under the names that servers give to its parts: nginx's variables (kneepoint's own format
//! among them), Caddy, Traefik.

use std::borrow::Cow;

use serde::Deserialize;

use super::entry::{self, Entry};
use super::time;

/// What may be there.
#[derive(Deserialize)]
struct Line<'a> {
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
    status: Option<Number<'a>>,
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
    time: Option<Number<'a>>,
    // Fields of their own, and no aliases: a line may have several of them.
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

impl Line<'_> {
    fn client(&self) -> Option<u64> {
        let address = self.remote_addr.as_ref().or(self.client_ip.as_ref()).or(self.client_host.as_ref())?;
        let agents = [&self.http_user_agent, &self.user_agent, &self.request_user_agent];
        let user_agent = agents.into_iter().find_map(Option::as_ref)?;
        entry::client(address.as_bytes(), user_agent.as_bytes())
    }
}

/// The request line, or an object of its own.
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

/// A number, as one or as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number<'a> {
    Is(f64),
    Says(#[serde(borrow)] Cow<'a, str>),
}

/// Reads a line; `None` for garbage.
pub(super) fn parse(line: &[u8]) -> Option<Entry<'_>> {
    let line: Line<'_> = serde_json::from_slice(line).ok()?;
    let client = line.client();
    let Line { method, uri, request, status, time, .. } = line;
    let (method, target) = match (method, uri, request) {
        (Some(method), Some(uri), _) | (_, _, Some(Request::Parts { method, uri })) => (method, uri),
        (_, _, Some(Request::Line(line))) => {
            let (method, target) = entry::request(&line)?;
            (Cow::Owned(method.to_owned()), Cow::Owned(target.to_owned()))
        }
        _ => return None,
    };
    let status = match status? {
        Number::Is(number) => number as u16,
        Number::Says(text) => text.parse().ok()?,
    };
    let at_ms = time.and_then(|time| match time {
        Number::Is(number) => time::from_number(number),
        Number::Says(text) => {
            let number = text.parse().ok().and_then(time::from_number);
            number.or_else(|| time::parse_iso(&text)).or_else(|| time::parse_clf(&text))
        }
    });
    (100..600).contains(&status).then_some(Entry { at_ms, method, target, status, client })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_under_the_names_of_many_servers() {
        let of = |fields: &str| {
            let line = format!("{{\"method\":\"GET\",\"uri\":\"/\",\"status\":200{fields}}}");
            parse(line.as_bytes()).expect("a line").client
        };
        let one = of(r#","remote_addr":"::1","http_user_agent":"curl""#);
        assert!(one.is_some());
        assert_eq!(one, of(r#","ClientHost":"::1","request_User-Agent":"curl""#));
        assert_eq!(one, of(r#","remote_addr":"::1","client_ip":"::2","user_agent":"curl""#));
        assert_ne!(one, of(r#","remote_addr":"::2","http_user_agent":"curl""#));
        assert_eq!((of(r#","remote_addr":"::1""#), of(r#","user_agent":"curl""#)), (None, None));
    }

    #[test]
    fn the_names_of_many_servers() {
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
