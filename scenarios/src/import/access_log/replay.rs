//! Replays an access log: every request at its recorded time.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;
use std::time::Duration;

use kneepoint_model::text::plural;

use super::filter_requests;
use crate::body::Body;
use crate::import::ImportError;
use crate::repeat::Repeat;
use crate::scenario::{Expectation, Method, Scenario, SessionScope, Step};
use crate::template::{NameLookup, Template};
use crate::think_time::ThinkTime;
use crate::url_template::derive_url_template;
use crate::user_context::UserContext;
use crate::value::Value;
use crate::values::VarId;

/// Limit of requests held in memory (16 bytes each).
const MAX_REQUESTS: usize = 5_000_000;
/// URL templates beyond this number share one endpoint.
const MAX_STEPS: usize = 24;
/// Limit of distinct clients, because each has a cookie jar.
const MAX_CLIENTS: usize = 10_000;
/// Client number of requests without a known client.
const NO_CLIENT: u16 = u16::MAX;
/// The variable that holds the target of the request.
const TARGET: VarId = VarId(0);

/// An access log prepared for replay.
#[derive(Debug, Clone)]
pub struct Replay {
    scenario: Scenario,
    targets: Vec<Value>,
    arrivals: Vec<Arrival>,
    client_count: usize,
    notes: Vec<String>,
}

/// One request to replay; `after_us` is its due time after the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Arrival {
    after_us: u64,
    target: u32,
    step: u16,
    client: u16,
}

/// A request of the log: time in milliseconds, index of the target, and number of the client.
type TimedRequest = (i64, u32, u16);

/// Numbers the clients of a log in order of appearance.
#[derive(Default)]
struct ClientNumbers {
    numbers: HashMap<u64, u16>,
    /// Requests without client data, or of clients beyond the limit.
    unknown: u64,
}

impl ClientNumbers {
    fn assign(&mut self, client: Option<u64>) -> u16 {
        let next = self.numbers.len();
        let known = client.and_then(|client| match self.numbers.get(&client) {
            Some(number) => Some(*number),
            None => (next < MAX_CLIENTS).then(|| *self.numbers.entry(client).or_insert(next as u16)),
        });
        self.unknown += u64::from(known.is_none());
        known.unwrap_or(NO_CLIENT)
    }

    /// Reports which clients keep cookies.
    fn describe(&self) -> String {
        let known = plural(self.numbers.len(), "client");
        match (self.numbers.len(), self.unknown) {
            (0, _) => "Each request is a new user without cookies, because the log does not contain client addresses and user agents."
                .to_owned(),
            (_, 0) => format!("{known}, identified by address and user agent, keep cookies."),
            (_, unknown) => format!(
                "{known}, identified by address and user agent, keep cookies; {} without a known client, each by a new user.",
                plural(unknown, "request")
            ),
        }
    }
}

impl Replay {
    /// Reads a log. If all its times are whole seconds, the requests of a second are spread over it evenly. nginx and Apache
    /// write a line when the request has *ended*, so slow requests are replayed a little late. Clients are identified by address
    /// and user agent.
    ///
    /// # Errors
    /// Those of [`super::from_access_log`], and a log with fewer than two requests that have a time.
    pub fn from_access_log(reader: impl BufRead, source_name: &str) -> Result<Self, ImportError> {
        let mut numbers: HashMap<Box<str>, u32> = HashMap::new();
        let mut requests: Vec<TimedRequest> = Vec::new();
        let mut clients = ClientNumbers::default();
        let (mut without_time, mut beyond_limit) = (0, 0);
        let filter = filter_requests(reader, source_name, |entry| {
            let Some(at_ms) = entry.at_ms else { return without_time += 1 };
            if requests.len() >= MAX_REQUESTS {
                return beyond_limit += 1;
            }
            let next = numbers.len() as u32;
            let number = match numbers.get(&*entry.target) {
                Some(number) => *number,
                None => *numbers.entry((*entry.target).into()).or_insert(next),
            };
            requests.push((at_ms, number, clients.assign(entry.client)));
        })?;
        if requests.len() < 2 {
            let why = format!(
                "it contains {} with a valid time; at least two are needed",
                plural(requests.len(), "request")
            );
            return Err(ImportError::NothingUsable { source_name: source_name.to_owned(), why });
        }
        let mut notes = vec![format!(
            "{} of {source_name} at their recorded times.",
            plural(requests.len(), "GET request")
        )];
        notes.push(clients.describe());
        notes.extend(filter.describe_skipped());
        for (count, why) in
            [(without_time, "without a valid time"), (beyond_limit, "after the first 5,000,000")]
        {
            if count > 0 {
                notes.push(format!("Skipped: {} {why}.", plural(count, "request")));
            }
        }
        let mut targets = vec![Value::Number(0); numbers.len()];
        for (target, number) in numbers {
            targets[number as usize] = Value::Text(target.into_string());
        }
        let (scenario, steps) = build_scenario(&targets, &requests);
        let arrivals = due_times(&mut requests).into_iter().zip(&requests);
        let arrivals = arrivals.map(|(after_us, (_, target, client))| Arrival {
            after_us,
            target: *target,
            step: steps[*target as usize],
            client: *client,
        });
        let client_count = clients.numbers.len();
        Ok(Self { scenario, arrivals: arrivals.collect(), client_count, targets, notes })
    }

    /// A scenario with one step per URL template; [`Self::prepare`] selects step and target.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Sentences about what was imported and what was skipped.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Number of distinct clients; each keeps its own cookies.
    pub fn client_count(&self) -> usize {
        self.client_count
    }

    /// Number of the client that made the n-th request, from 0; `None` when it is unknown.
    pub fn client(&self, n: usize) -> Option<usize> {
        let arrival = self.arrivals.get(n).filter(|arrival| arrival.client != NO_CLIENT)?;
        Some(usize::from(arrival.client))
    }

    /// Number of requests to replay.
    pub fn request_count(&self) -> usize {
        self.arrivals.len()
    }

    /// When the n-th request is due, relative to the first; `None` past the end.
    pub fn due(&self, n: usize) -> Option<Duration> {
        self.arrivals.get(n).map(|arrival| Duration::from_micros(arrival.after_us))
    }

    /// Sets the target of the n-th request in the context, and returns the index of its step.
    pub fn prepare(&self, n: usize, context: &mut UserContext) -> Option<usize> {
        let arrival = self.arrivals.get(n)?;
        context.values.set(TARGET, self.targets.get(arrival.target as usize).cloned());
        Some(usize::from(arrival.step))
    }
}

/// Sorts the requests by time, and returns when each is due, in microseconds after the first.
fn due_times(requests: &mut [TimedRequest]) -> Vec<u64> {
    requests.sort_by_key(|(at, ..)| *at);
    let first = requests.first().map_or(0, |(at, ..)| *at);
    let whole_seconds = requests.iter().all(|(at, ..)| at % 1_000 == 0);
    let mut due = Vec::with_capacity(requests.len());
    for simultaneous in requests.chunk_by(|a, b| a.0 == b.0) {
        let from = (simultaneous[0].0 - first) as u64 * 1_000;
        let n = simultaneous.len() as u64;
        due.extend((0..n).map(|k| if whole_seconds { from + (2 * k + 1) * 500_000 / n } else { from }));
    }
    if let Some(first) = due.first().copied() {
        for time in &mut due {
            *time -= first;
        }
    }
    due
}

/// Builds a step for each of the most frequent URL templates and one for the rest; also returns the step of each target.
fn build_scenario(targets: &[Value], timed: &[TimedRequest]) -> (Scenario, Vec<u16>) {
    let mut requests = vec![0_u64; targets.len()];
    for (_, target, _) in timed {
        requests[*target as usize] += 1;
    }
    let templates: Vec<String> = targets.iter().map(|target| derive_url_template(&target.text())).collect();
    let mut by_template: BTreeMap<&str, u64> = BTreeMap::new();
    for (template, requests) in templates.iter().zip(requests) {
        *by_template.entry(template).or_default() += requests;
    }
    let mut common: Vec<(&str, u64)> = by_template.into_iter().collect();
    common.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let has_others = common.len() > MAX_STEPS;
    common.truncate(if has_others { MAX_STEPS - 1 } else { MAX_STEPS });
    let step_of = |template: &String| {
        common.iter().position(|(known, _)| known == template).unwrap_or(common.len()) as u16
    };
    let steps_by_target = templates.iter().map(step_of).collect();
    let mut names: Vec<String> = common.iter().map(|(template, _)| format!("GET {template}")).collect();
    if has_others {
        names.push("GET (other pages)".to_owned());
    }
    let scenario = Scenario {
        name: "replay".to_owned(),
        description: "requests of an access log at their recorded times".to_owned(),
        weight: 1,
        needs_throw_away: false,
        session: SessionScope::Journey,
        pick_steps: 1,
        sources: [].into(),
        feeds: [].into(),
        secrets: [].into(),
        steps: names.into_iter().map(build_step).collect(),
    };
    (scenario, steps_by_target)
}

fn build_step(name: String) -> Step {
    Step {
        name,
        method: Method::Get,
        path: Template::parse("{target}", &|_| NameLookup::Guaranteed(TARGET, None))
            .expect("one placeholder that is defined"),
        headers: Vec::new(),
        body: Body::None,
        expect: Expectation::default(),
        extracts: Vec::new(),
        think: ThinkTime::default(),
        repeat: Repeat::ONCE,
        chance: 1.0,
        when: None,
        once: false,
        // The log has separate lines for the targets of redirects.
        follow_redirects: false,
        assets: false,
        weight: 1,
        slo: Vec::new(),
        group: None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn log(lines: &[(&str, &str)]) -> String {
        let line = |(second, path): &(&str, &str)| {
            format!("::1 - - [28/Nov/2026:00:00:{second} +0000] \"GET {path} HTTP/1.1\" 200 5\n")
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn requests_of_a_second_are_spread_evenly_and_sorted_by_time() {
        let text = log(&[("02", "/b/2/"), ("00", "/a"), ("00", "/b/1/"), ("02", "/a")]);
        let replay = Replay::from_access_log(text.as_bytes(), "x.log").expect("four requests");
        let due: Vec<u128> = (0..5).filter_map(|n| replay.due(n)).map(|due| due.as_millis()).collect();
        assert_eq!(due, [0, 500, 2_000, 2_500]);
        let names: Vec<&str> = replay.scenario().steps().iter().map(Step::name).collect();
        assert_eq!(names, ["GET /a", "GET /b/<id>/"]);
        let mut context = UserContext::new(1, 1);
        let replayed: Vec<(usize, String)> = (0..4)
            .map(|n| {
                let step = replay.prepare(n, &mut context).expect("there");
                (step, context.values.get(TARGET).expect("set").text().into_owned())
            })
            .collect();
        let expected =
            [(0, "/a"), (1, "/b/1/"), (1, "/b/2/"), (0, "/a")].map(|(step, path)| (step, path.to_owned()));
        assert_eq!(replayed, expected);
    }

    #[test]
    fn clients_are_identified_where_the_log_contains_them() {
        let line = |second: usize, agent: &str| {
            format!("::1 - - [28/Nov/2026:00:00:{second:02} +0000] \"GET / HTTP/1.1\" 200 5{agent}\n")
        };
        let [a, b] = ["a", "b"].map(|agent| format!(" \"-\" \"{agent}\""));
        let text: String =
            [&a, &b, &a, &String::new()].iter().enumerate().map(|(n, agent)| line(n, agent)).collect();
        let replay = Replay::from_access_log(text.as_bytes(), "x.log").expect("four requests");
        let clients: Vec<Option<usize>> = (0..5).map(|n| replay.client(n)).collect();
        assert_eq!(clients, [Some(0), Some(1), Some(0), None, None]);
        assert_eq!(replay.client_count(), 2);
        assert!(
            replay.notes()[1].starts_with(
                "2 clients, identified by address and user agent, keep cookies; 1 request without a known client"
            ),
            "{:?}",
            replay.notes()
        );
        let mut clients = ClientNumbers::default();
        let numbers: Vec<u16> =
            (0..MAX_CLIENTS as u64 + 2).map(|client| clients.assign(Some(client))).collect();
        assert_eq!((numbers[MAX_CLIENTS - 1], numbers[MAX_CLIENTS]), (MAX_CLIENTS as u16 - 1, NO_CLIENT));
        assert_eq!((clients.assign(Some(7)), clients.unknown), (7, 2));
    }

    #[test]
    fn milliseconds_are_kept_and_a_log_without_time_is_refused() {
        let line = |at: &str| format!("{{\"msec\":{at},\"method\":\"GET\",\"uri\":\"/\",\"status\":200}}\n");
        let text = ["1795824000.250", "1795824000.253", "1795824001.000"].map(line).concat();
        let replay = Replay::from_access_log(text.as_bytes(), "x.jsonl").expect("three requests");
        let due: Vec<u128> = (0..3).filter_map(|n| replay.due(n)).map(|due| due.as_millis()).collect();
        assert_eq!(due, [0, 3, 750]);
        let without_time = line("7").repeat(2);
        let error =
            Replay::from_access_log(without_time.as_bytes(), "x.jsonl").expect_err("no time").to_string();
        assert!(error.contains("0 requests with a valid time"), "{error}");
    }

    proptest! {
        #[test]
        fn due_times_never_decrease(seconds in prop::collection::vec(0i64..20, 1..60)) {
            let mut requests: Vec<TimedRequest> = seconds.iter().map(|second| (second * 1_000, 0, NO_CLIENT)).collect();
            let due = due_times(&mut requests);
            prop_assert!(due.is_sorted() && due[0] == 0);
            let range = seconds.iter().max().unwrap() - seconds.iter().min().unwrap() + 1;
            prop_assert!(*due.last().unwrap() <= range as u64 * 1_000_000);
        }
    }
}
