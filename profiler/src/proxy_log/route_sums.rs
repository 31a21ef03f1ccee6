//! Adds log lines to the sums of their routes.

use std::collections::BTreeMap;

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::proxy::{AccessSummary, ProxyRoute};
use kneepoint_model::run::FORMAT_VERSION;
use kneepoint_model::server_timing::ServerTiming;
use kneepoint_model::units::{Bytes, Micros, UnixMillis};

use super::log_line::{LogLine, Scalar};
use super::{MAX_LINE, route_label};

/// Most rows; further routes are summed in one row, so that untrusted paths cannot grow the file.
const MAX_ROUTES: usize = 500;
const OTHER_ROUTES: &str = "(no route) others";

/// Sums over a phase, by route.
#[derive(Debug)]
pub(super) struct RouteSums {
    from: UnixMillis,
    until: UnixMillis,
    lines: u64,
    garbage: u64,
    new_connections: u64,
    routes: BTreeMap<String, ProxyRoute>,
}

impl RouteSums {
    pub(super) fn new(from: UnixMillis, until: UnixMillis) -> Self {
        Self { from, until, lines: 0, garbage: 0, new_connections: 0, routes: BTreeMap::new() }
    }

    pub(super) fn add_line(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        if line.is_empty() {
            return;
        }
        if line.len() >= MAX_LINE || self.parse_and_add(line).is_none() {
            self.garbage += 1;
        }
    }

    /// Adds one line; `None` when it is not a log line.
    fn parse_and_add(&mut self, line: &[u8]) -> Option<()> {
        // nginx writes bytes above 127 unchanged, valid UTF-8 or not.
        let text = String::from_utf8_lossy(line);
        let line: LogLine<'_> = serde_json::from_str(&text).ok()?;
        let (end, status) = (line.msec.as_time()?, u16::try_from(line.status.as_u64()?).ok()?);
        if end < self.from || end >= self.until {
            return Some(());
        }
        self.lines += 1;
        self.new_connections += u64::from(line.connection_requests.as_u64() == Some(1));
        let timing = ServerTiming::parse(line.server_timing.as_str());
        add_to_row(
            self.row_mut(route_label::route_label(&timing, line.uri.as_str())),
            &line,
            status,
            &timing,
        );
        Some(())
    }

    fn row_mut(&mut self, name: String) -> &mut ProxyRoute {
        let full = self.routes.len() >= MAX_ROUTES && !self.routes.contains_key(&name);
        let name = if full { OTHER_ROUTES.to_owned() } else { name };
        let empty = ProxyRoute { route: name.clone(), ..ProxyRoute::default() };
        self.routes.entry(name).or_insert(empty)
    }

    pub(super) fn finish(self) -> AccessSummary {
        AccessSummary {
            format_version: FORMAT_VERSION,
            lines: self.lines,
            garbage: self.garbage,
            new_connections: self.new_connections,
            routes: self.routes.into_values().collect(),
        }
    }
}

fn add_to_row(row: &mut ProxyRoute, line: &LogLine<'_>, status: u16, timing: &ServerTiming) {
    row.requests += 1;
    *row.statuses.entry(status).or_default() += 1;
    *row.cache.entry(CacheOutcome::parse_nginx(line.upstream_cache_status.as_str())).or_default() += 1;
    row.bytes_sent += Bytes(line.bytes_sent.as_u64().unwrap_or(0));
    row.request_us += line.request_time.as_duration().unwrap_or(Micros::ZERO);
    let times = [&line.upstream_connect_time, &line.upstream_header_time, &line.upstream_response_time];
    let [connect, header, response] = times.map(Scalar::as_duration);
    if connect.or(header).or(response).is_none() {
        // Served from the cache or a file. A cached response repeats the Server-Timing of its creation, which is
        // not counted.
        return;
    }
    row.upstream += 1;
    row.connect_us += connect.unwrap_or(Micros::ZERO);
    row.header_us += header.unwrap_or(Micros::ZERO);
    row.response_us += response.unwrap_or(Micros::ZERO);
    if let Some(app) = timing.app {
        row.app_us += app;
        row.app_n += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOG: &str = concat!(
        r#"{"msec":"100.500","method":"GET","uri":"/books/7/","status":"200","bytes_sent":"5120","request_time":"0.030","upstream_connect_time":"0.001","upstream_header_time":"0.025","upstream_response_time":"0.028","upstream_cache_status":"MISS","connection":"3","connection_requests":"1","server_timing":"app;dur=20.5, route;desc=\"books/<int:pk>/\"","traceparent":""}"#,
        "\n",
        r#"{"msec":"100.600","uri":"/books/8/","status":200,"bytes_sent":5000,"request_time":0.001,"upstream_connect_time":"-","upstream_header_time":"-","upstream_response_time":"-","upstream_cache_status":"HIT","connection_requests":2,"server_timing":"app;dur=20.5, route;desc=\"books/<int:pk>/\""}"#,
        "\n",
        r#"{"msec":"100.700","uri":"/static/site.css","status":"304","bytes_sent":"200","request_time":"0.000","upstream_cache_status":"","connection_requests":"3","server_timing":""}"#,
        "\n",
        r#"{"msec":"101.000","uri":"/late/","status":"200"}"#,
        "\n",
        "not json\n",
        r#"{"msec":"100.800","uri":"/cut"#,
    );

    fn window(from: u64, until: u64) -> AccessSummary {
        super::super::summarise(LOG.lines(), UnixMillis(from), UnixMillis(until))
    }

    #[test]
    fn a_phase_is_summed_by_route_and_cached_responses_have_no_application_time() {
        let summary = window(100_500, 101_000);
        assert_eq!((summary.lines, summary.garbage, summary.new_connections), (3, 2, 1));
        let names: Vec<&str> = summary.routes.iter().map(|row| row.route.as_str()).collect();
        assert_eq!(names, ["(static) /static/", "books/<int:pk>/"]);
        let books = &summary.routes[1];
        assert_eq!((books.requests, books.upstream, books.app_n), (2, 1, 1));
        assert_eq!(
            (books.request_us, books.header_us, books.app_us),
            (Micros(31_000), Micros(25_000), Micros(20_500))
        );
        assert_eq!(books.cache[&CacheOutcome::Hit], 1);
        assert_eq!(books.bytes_sent, Bytes(10_120));
        assert_eq!(summary.routes[0].statuses[&304], 1);
    }

    #[test]
    fn a_path_that_is_not_utf8_is_still_a_request() {
        let line = b"{\"msec\":1.000,\"uri\":\"/\xff\xfe\",\"status\":404}";
        let summary = super::super::summarise([line], UnixMillis(0), UnixMillis(2_000));
        assert_eq!((summary.lines, summary.garbage), (1, 0));
        assert_eq!(summary.routes[0].route, "(no route) /\u{fffd}\u{fffd}");
    }

    #[test]
    fn the_window_is_half_open() {
        assert_eq!(window(100_501, 101_001).lines, 3);
        assert_eq!(window(0, 100_500).lines, 0);
    }

    #[test]
    fn endless_paths_end_in_one_row() {
        let lines = (0..2_000).map(|i| format!(r#"{{"msec":"1.000","uri":"/{i}","status":"404"}}"#));
        let summary = super::super::summarise(lines, UnixMillis(0), UnixMillis(2_000));
        assert_eq!((summary.lines, summary.routes.len()), (2_000, MAX_ROUTES + 1));
        let others = summary.routes.iter().find(|row| row.route == OTHER_ROUTES).unwrap();
        assert_eq!(others.requests, 1_500);
    }

    proptest! {
        #[test]
        fn never_panics_and_counts_every_line(lines in proptest::collection::vec("\\PC{0,60}", 0..20)) {
            let summary = super::super::summarise(&lines, UnixMillis(0), UnixMillis(u64::MAX));
            let filled = lines.iter().filter(|line| !line.as_bytes().trim_ascii().is_empty()).count() as u64;
            prop_assert_eq!(summary.lines + summary.garbage, filled);
        }
    }
}
