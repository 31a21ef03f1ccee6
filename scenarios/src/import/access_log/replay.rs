//! The requests of an access log as they once came: each at its own moment.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;
use std::time::Duration;

use super::sieved;
use crate::body::Body;
use crate::import::{Counted, ImportError};
use crate::rounds::Repeat;
use crate::scenario::{Expect, Method, Scenario, SessionScope, Step};
use crate::shape::shape;
use crate::template::{Meaning, Template};
use crate::think::Think;
use crate::values::{Value, VarId, Visit};

/// More requests than this are not held in memory (16 bytes each).
const MOST: usize = 5_000_000;
/// More shapes than this share one endpoint.
const MOST_STEPS: usize = 24;
/// So many clients are told apart; each may keep cookies.
const MOST_VISITORS: usize = 10_000;
/// The number of a request that belongs to nobody who is known.
const NOBODY: u16 = u16::MAX;
/// The value of the address that is asked for.
const TARGET: VarId = VarId(0);

/// A log to be replayed.
#[derive(Debug, Clone)]
pub struct Replay {
    scenario: Scenario,
    targets: Vec<Value>,
    arrivals: Vec<Arrival>,
    visitors: usize,
    /// What was found and what was left out, in sentences.
    said: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Arrival {
    after_us: u64,
    target: u32,
    step: u16,
    visitor: u16,
}

/// A request of the log: when it was made, in milliseconds, what it asked for, and by whom.
type Line = (i64, u32, u16);

/// Numbers for the clients of a log, in the order in which they come.
#[derive(Default)]
struct Visitors {
    numbers: HashMap<u64, u16>,
    /// Requests of clients that are told by nothing, or came after all numbers were given.
    unknown: u64,
}

impl Visitors {
    fn number(&mut self, client: Option<u64>) -> u16 {
        let next = self.numbers.len();
        let known = client.and_then(|client| match self.numbers.get(&client) {
            Some(number) => Some(*number),
            None => (next < MOST_VISITORS).then(|| *self.numbers.entry(client).or_insert(next as u16)),
        });
        self.unknown += u64::from(known.is_none());
        known.unwrap_or(NOBODY)
    }

    /// Who keeps cookies, and who does not.
    fn said(&self) -> String {
        let known = Counted(self.numbers.len() as u64, "client");
        match (self.numbers.len(), self.unknown) {
            (0, _) => "Each request is a visitor of its own: the log does not tell address and user agent."
                .to_owned(),
            (_, 0) => format!("{known}, told apart by address and user agent, keep cookies."),
            (_, unknown) => format!(
                "{known}, told apart by address and user agent, keep cookies; {} more are visitors of their own.",
                Counted(unknown, "request")
            ),
        }
    }
}

impl Replay {
    /// Reads a log. Where it tells seconds only, the requests of a second are spread over it evenly. nginx and Apache write a
    /// line when the request has *ended*, so that slow requests come a little later than they once did. Clients are told apart by
    /// address and user agent.
    ///
    /// # Errors
    /// Those of [`super::from_access_log`]; and a log whose lines tell no time.
    pub fn from_access_log(reader: impl BufRead, source_name: &str) -> Result<Self, ImportError> {
        let mut numbers: HashMap<Box<str>, u32> = HashMap::new();
        let mut lines: Vec<Line> = Vec::new();
        let mut visitors = Visitors::default();
        let (mut timeless, mut many) = (0, 0);
        let sieve = sieved(reader, source_name, |entry| {
            let Some(at) = entry.at_ms else { return timeless += 1 };
            if lines.len() >= MOST {
                return many += 1;
            }
            let next = numbers.len() as u32;
            let number = match numbers.get(&*entry.target) {
                Some(number) => *number,
                None => *numbers.entry((*entry.target).into()).or_insert(next),
            };
            lines.push((at, number, visitors.number(entry.client)));
        })?;
        if lines.len() < 2 {
            let why = format!(
                "{} tell when they were made; two are needed",
                Counted(lines.len() as u64, "request")
            );
            return Err(ImportError::Nothing { source_name: source_name.to_owned(), why });
        }
        let mut said = vec![format!(
            "{} of {source_name} as they once came.",
            Counted(lines.len() as u64, "GET request")
        )];
        said.push(visitors.said());
        said.extend(sieve.said());
        for (count, why) in
            [(timeless, "that do not tell when they were made"), (many, "after the first 5,000,000")]
        {
            if count > 0 {
                said.push(format!("Left out: {} {why}.", Counted(count, "request")));
            }
        }
        let mut targets = vec![Value::Number(0); numbers.len()];
        for (target, number) in numbers {
            targets[number as usize] = Value::Text(target.into_string());
        }
        let (scenario, steps) = scenario(&targets, &lines);
        let arrivals = moments(&mut lines).into_iter().zip(&lines);
        let arrivals = arrivals.map(|(after_us, (_, target, visitor))| Arrival {
            after_us,
            target: *target,
            step: steps[*target as usize],
            visitor: *visitor,
        });
        let visitors = visitors.numbers.len();
        Ok(Self { scenario, arrivals: arrivals.collect(), visitors, targets, said })
    }

    /// Its shapes, a step each.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// What was found and what was left out, in sentences.
    pub fn said(&self) -> &[String] {
        &self.said
    }

    /// Clients that are told apart.
    pub fn visitors(&self) -> usize {
        self.visitors
    }

    /// Which of them made the n-th request; `None` where the log does not tell.
    pub fn visitor(&self, n: usize) -> Option<usize> {
        let arrival = self.arrivals.get(n).filter(|arrival| arrival.visitor != NOBODY)?;
        Some(usize::from(arrival.visitor))
    }

    /// Requests.
    pub fn count(&self) -> usize {
        self.arrivals.len()
    }

    /// When the n-th request is due, from the first.
    pub fn due(&self, n: usize) -> Option<Duration> {
        self.arrivals.get(n).map(|arrival| Duration::from_micros(arrival.after_us))
    }

    /// Makes a visit the one of the n-th request, and gives its step.
    pub fn visit(&self, n: usize, visit: &mut Visit) -> Option<usize> {
        let arrival = self.arrivals.get(n)?;
        visit.values.set(TARGET, self.targets.get(arrival.target as usize).cloned());
        Some(usize::from(arrival.step))
    }
}

/// Sorts the lines, and gives for each when it is due, in microseconds from the first.
fn moments(lines: &mut [Line]) -> Vec<u64> {
    lines.sort_by_key(|(at, ..)| *at);
    let first = lines.first().map_or(0, |(at, ..)| *at);
    let whole_seconds = lines.iter().all(|(at, ..)| at % 1_000 == 0);
    let mut moments = Vec::with_capacity(lines.len());
    for alike in lines.chunk_by(|a, b| a.0 == b.0) {
        let from = (alike[0].0 - first) as u64 * 1_000;
        let n = alike.len() as u64;
        moments.extend((0..n).map(|k| if whole_seconds { from + (2 * k + 1) * 500_000 / n } else { from }));
    }
    if let Some(first) = moments.first().copied() {
        for moment in &mut moments {
            *moment -= first;
        }
    }
    moments
}

/// A step for each of the commonest shapes and one for the rest, and the step of each target.
fn scenario(targets: &[Value], lines: &[Line]) -> (Scenario, Vec<u16>) {
    let mut requests = vec![0_u64; targets.len()];
    for (_, target, _) in lines {
        requests[*target as usize] += 1;
    }
    let shapes: Vec<String> = targets.iter().map(|target| shape(&target.text())).collect();
    let mut by_shape: BTreeMap<&str, u64> = BTreeMap::new();
    for (shape, requests) in shapes.iter().zip(requests) {
        *by_shape.entry(shape).or_default() += requests;
    }
    let mut common: Vec<(&str, u64)> = by_shape.into_iter().collect();
    common.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let has_others = common.len() > MOST_STEPS;
    common.truncate(if has_others { MOST_STEPS - 1 } else { MOST_STEPS });
    let place =
        |shape: &String| common.iter().position(|(own, _)| own == shape).unwrap_or(common.len()) as u16;
    let places = shapes.iter().map(place).collect();
    let mut names: Vec<String> = common.iter().map(|(shape, _)| format!("GET {shape}")).collect();
    if has_others {
        names.push("GET (other pages)".to_owned());
    }
    let scenario = Scenario {
        name: "replay".to_owned(),
        description: "requests of an access log as they once came".to_owned(),
        weight: 1,
        needs_throw_away: false,
        session: SessionScope::Journey,
        pick_steps: 1,
        sources: [].into(),
        feeds: [].into(),
        secrets: [].into(),
        steps: names.into_iter().map(step).collect(),
    };
    (scenario, places)
}

fn step(name: String) -> Step {
    Step {
        name,
        method: Method::Get,
        path: Template::parse("{target}", &|_| Meaning::Sure(TARGET, None))
            .expect("one placeholder that is defined"),
        headers: Vec::new(),
        body: Body::None,
        expect: Expect::default(),
        extracts: Vec::new(),
        think: Think::default(),
        repeat: Repeat::ONCE,
        chance: 1.0,
        when: None,
        once: false,
        // What a redirect leads to has lines of its own in the log.
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
    fn requests_of_a_second_are_spread_over_it_and_the_order_is_that_of_time() {
        let text = log(&[("02", "/b/2/"), ("00", "/a"), ("00", "/b/1/"), ("02", "/a")]);
        let replay = Replay::from_access_log(text.as_bytes(), "x.log").expect("four requests");
        let due: Vec<u128> = (0..5).filter_map(|n| replay.due(n)).map(|due| due.as_millis()).collect();
        assert_eq!(due, [0, 500, 2_000, 2_500]);
        let names: Vec<&str> = replay.scenario().steps().iter().map(Step::name).collect();
        assert_eq!(names, ["GET /a", "GET /b/<id>/"]);
        let mut visit = Visit::new(1, 1);
        let asked: Vec<(usize, String)> = (0..4)
            .map(|n| {
                let step = replay.visit(n, &mut visit).expect("there");
                (step, visit.values.get(TARGET).expect("set").text().into_owned())
            })
            .collect();
        let wanted =
            [(0, "/a"), (1, "/b/1/"), (1, "/b/2/"), (0, "/a")].map(|(step, path)| (step, path.to_owned()));
        assert_eq!(asked, wanted);
    }

    #[test]
    fn clients_are_told_apart_where_the_log_tells_them() {
        let line = |second: usize, agent: &str| {
            format!("::1 - - [28/Nov/2026:00:00:{second:02} +0000] \"GET / HTTP/1.1\" 200 5{agent}\n")
        };
        let [a, b] = ["a", "b"].map(|agent| format!(" \"-\" \"{agent}\""));
        let text: String =
            [&a, &b, &a, &String::new()].iter().enumerate().map(|(n, agent)| line(n, agent)).collect();
        let replay = Replay::from_access_log(text.as_bytes(), "x.log").expect("four requests");
        let visitors: Vec<Option<usize>> = (0..5).map(|n| replay.visitor(n)).collect();
        assert_eq!(visitors, [Some(0), Some(1), Some(0), None, None]);
        assert_eq!(replay.visitors(), 2);
        assert!(
            replay.said()[1]
                .starts_with("2 clients, told apart by address and user agent, keep cookies; 1 request more"),
            "{:?}",
            replay.said()
        );
        let mut visitors = Visitors::default();
        let numbers: Vec<u16> =
            (0..MOST_VISITORS as u64 + 2).map(|client| visitors.number(Some(client))).collect();
        assert_eq!((numbers[MOST_VISITORS - 1], numbers[MOST_VISITORS]), (MOST_VISITORS as u16 - 1, NOBODY));
        assert_eq!((visitors.number(Some(7)), visitors.unknown), (7, 2));
    }

    #[test]
    fn milliseconds_are_kept_and_a_log_without_time_is_refused() {
        let line = |at: &str| format!("{{\"msec\":{at},\"method\":\"GET\",\"uri\":\"/\",\"status\":200}}\n");
        let text = ["1795824000.250", "1795824000.253", "1795824001.000"].map(line).concat();
        let replay = Replay::from_access_log(text.as_bytes(), "x.jsonl").expect("three requests");
        let due: Vec<u128> = (0..3).filter_map(|n| replay.due(n)).map(|due| due.as_millis()).collect();
        assert_eq!(due, [0, 3, 750]);
        let timeless = line("7").repeat(2);
        let refused =
            Replay::from_access_log(timeless.as_bytes(), "x.jsonl").expect_err("no time").to_string();
        assert!(refused.contains("0 requests tell when they were made"), "{refused}");
    }

    proptest! {
        #[test]
        fn moments_never_run_backwards(seconds in prop::collection::vec(0i64..20, 1..60)) {
            let mut lines: Vec<Line> = seconds.iter().map(|second| (second * 1_000, 0, NOBODY)).collect();
            let moments = moments(&mut lines);
            prop_assert!(moments.is_sorted() && moments[0] == 0);
            let range = seconds.iter().max().unwrap() - seconds.iter().min().unwrap() + 1;
            prop_assert!(*moments.last().unwrap() <= range as u64 * 1_000_000);
        }
    }
}
