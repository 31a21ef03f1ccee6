//! What the view knows: put together of announcements, seconds of load and samples. Pure; times come with the news.

use std::collections::{BTreeMap, VecDeque};

use kneepoint_model::event::Event;
use kneepoint_model::live::LiveSecond;
use kneepoint_model::sample::ResourceSample;
use kneepoint_model::stage::{Stage, StageStatus};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, Ratio};

use crate::console::clean;

/// Seconds that the charts show.
pub(crate) const HISTORY: usize = 180;
/// Warnings that are remembered.
const WARNINGS: usize = 50;
/// CPU is shown over at least this long: the ticks of the sampler are too short for a steady figure.
const CPU_OVER: Micros = Micros(1_000_000);

/// Something to show.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// An announcement.
    Event(Event),
    /// A line before something that has many stages.
    Heading(String),
    /// A second of load.
    Second(Box<LiveSecond>),
    /// What host and tiers used in a tick.
    Use(Use),
    /// Somebody asked for a clean stop.
    Stopping,
}

/// What host and tiers used in a tick.
#[derive(Debug, Clone, Default)]
pub(crate) struct Use {
    tick: Micros,
    cores: u32,
    busy: Micros,
    tiers: BTreeMap<Tier, Micros>,
}

impl Use {
    pub(crate) fn of(sample: &ResourceSample) -> Self {
        let mut tiers = BTreeMap::new();
        for tier in &sample.tiers {
            *tiers.entry(tier.tier).or_insert(Micros::ZERO) += tier.cpu_us;
        }
        Self { tick: sample.tick_us, cores: sample.host.cores, busy: sample.host.busy_us, tiers }
    }

    fn add(&mut self, other: &Self) {
        self.tick += other.tick;
        self.busy += other.busy;
        self.cores = other.cores;
        for (tier, cpu) in &other.tiers {
            *self.tiers.entry(*tier).or_insert(Micros::ZERO) += *cpu;
        }
    }
}

/// CPU of one tier (of one core), or of the whole machine (of all cores).
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Cpu {
    pub(crate) host: Option<Ratio>,
    pub(crate) tiers: BTreeMap<Tier, Ratio>,
}

/// One second in the charts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Point {
    pub(crate) achieved: f64,
    pub(crate) offered: f64,
    pub(crate) p95: Micros,
}

/// Everything that a frame is drawn from.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    /// The verb and what is looked at.
    pub(crate) title: String,
    pub(crate) heading: String,
    /// The stages that have ended, in order.
    pub(crate) ended: Vec<(Stage, StageStatus)>,
    pub(crate) stage: Option<Stage>,
    /// How far the present stage has come, in words.
    pub(crate) progress: String,
    /// The latest second of load, and whether that load still runs.
    pub(crate) live: Option<LiveSecond>,
    pub(crate) is_loading: bool,
    pub(crate) history: VecDeque<Point>,
    pub(crate) warnings: VecDeque<String>,
    pub(crate) cpu: Cpu,
    pub(crate) is_stopping: bool,
    summed: Use,
}

impl State {
    pub(crate) fn new(title: &str) -> Self {
        Self { title: clean(title), ..Self::default() }
    }

    /// Takes in something new.
    pub(crate) fn take(&mut self, news: News) {
        match news {
            News::Event(event) => self.event(event),
            News::Heading(text) => {
                self.heading = clean(&text);
                self.ended.clear();
                self.stage = None;
            }
            News::Second(second) => self.second(*second),
            News::Use(used) => self.used(&used),
            News::Stopping => self.is_stopping = true,
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::StageStarted { stage } => {
                self.stage = Some(stage);
                self.progress.clear();
            }
            Event::Progress { done, total, message, .. } => {
                let message = clean(&message);
                self.progress = match total {
                    Some(total) if total > 0 => format!("{done} of {total} · {message}"),
                    _ => message,
                };
            }
            Event::Note { message, .. } => self.progress = clean(&message),
            Event::Warning { stage, message } => {
                if self.warnings.len() == WARNINGS {
                    self.warnings.pop_front();
                }
                self.warnings.push_back(format!("{}: {}", stage.name(), clean(&message)));
            }
            Event::StageEnded { stage, status, .. } => {
                self.ended.push((stage, status));
                self.stage = None;
                self.is_loading = false;
            }
        }
    }

    fn second(&mut self, mut second: LiveSecond) {
        for endpoint in &mut second.so_far.endpoints {
            endpoint.name = clean(&endpoint.name);
        }
        if let (true, Some(live)) = (second.is_last(), &mut self.live) {
            // It has no figures of its own second.
            live.so_far = second.so_far;
            self.is_loading = false;
            return;
        }
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(Point {
            achieved: second.achieved().0,
            offered: second.offered().0,
            p95: second.second.p95_us,
        });
        self.is_loading = true;
        self.live = Some(second);
    }

    fn used(&mut self, used: &Use) {
        self.summed.add(used);
        if self.summed.tick < CPU_OVER {
            return;
        }
        let Use { tick, cores, busy, tiers } = std::mem::take(&mut self.summed);
        self.cpu = Cpu {
            host: Ratio::from_parts(busy.get(), tick.get() * u64::from(cores)),
            tiers: tiers
                .into_iter()
                .filter_map(|(tier, cpu)| Some((tier, Ratio::from_parts(cpu.get(), tick.get())?)))
                .collect(),
        };
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use kneepoint_model::live::{LiveEndpoint, LiveTotals};
    use kneepoint_model::load::{LoadModel, SecondStats};
    use kneepoint_model::outcome::Outcome;
    use kneepoint_model::units::{PerSecond, UnixMillis};

    use super::*;

    /// The n-th second of a phase of forty.
    pub(crate) fn second(n: u64) -> LiveSecond {
        let requests = 90 + n % 7;
        let timeouts = n % 3;
        LiveSecond {
            phase: "open".to_owned(),
            load: LoadModel::Open { rate: PerSecond(95.0) },
            server: ("127.0.0.1".to_owned(), 8000),
            scenarios: vec!["browse".to_owned()],
            segment: (n > 20).then(|| "stage 2 of 2: hold 95/s for 20s".to_owned()),
            elapsed: Duration::from_secs(n + 1),
            length: Duration::from_secs(40),
            at_ms: UnixMillis(1_000_000 + n * 1_000),
            interval: Duration::from_secs(1),
            second: SecondStats {
                at_ms: UnixMillis(999_000 + n * 1_000),
                warmup: n < 4,
                requests,
                errors: timeouts,
                started: 95,
                in_flight: 3 + n % 2,
                p50_us: Micros(1_200),
                p95_us: Micros(4_000 + 500 * (n % 9)),
                p99_us: Micros(12_000),
                max_us: Micros(48_000),
            },
            outcomes: [(Outcome::Ok, requests - timeouts), (Outcome::Timeout, timeouts)].into(),
            sched_lag_p99_us: Some(Micros(140)),
            busiest_thread: Some(Ratio(0.214)),
            so_far: LiveTotals {
                from_ms: UnixMillis(1_004_000),
                requests: 90 * n,
                errors: n,
                endpoints: ["GET /", "GET /books/<id>/", "GET /search/"]
                    .iter()
                    .zip(1..)
                    .map(|(name, at)| LiveEndpoint {
                        name: (*name).to_owned(),
                        requests: 30 * n,
                        outcomes: [(Outcome::Ok, (30 * n).saturating_sub(at)), (Outcome::Timeout, at)].into(),
                        p95_us: Micros(4_100 * at),
                        response: None,
                        service: None,
                    })
                    .collect(),
                sched_lag: None,
                doubts: Vec::new(),
            },
        }
    }

    fn progress(message: &str) -> News {
        let message = message.to_owned();
        News::Event(Event::Progress { stage: Stage::Smoke, done: 3, total: Some(9), message })
    }

    #[test]
    fn the_last_of_a_phase_keeps_the_figures_of_the_second_before() {
        let mut state = State::new("load");
        state.take(News::Second(Box::new(second(8))));
        let mut last = second(8);
        last.interval = Duration::ZERO;
        last.so_far.requests = 7_777;
        assert!(state.is_loading);
        state.take(News::Second(Box::new(last)));
        let live = state.live.as_ref().expect("a second");
        assert_eq!((live.so_far.requests, live.interval), (7_777, Duration::from_secs(1)));
        assert!(!state.is_loading && state.history.len() == 1);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut state = State::new("load");
        for n in 0..400 {
            state.take(News::Second(Box::new(second(n))));
            let message = format!("w{n}");
            state.take(News::Event(Event::Warning { stage: Stage::Load, message }));
        }
        assert_eq!((state.history.len(), state.warnings.len()), (HISTORY, WARNINGS));
        assert_eq!(state.warnings.back().map(String::as_str), Some("load: w399"));
    }

    #[test]
    fn text_of_the_site_cannot_drive_the_terminal() {
        let mut state = State::new("http://\u{1b}[2Jx/");
        state.take(progress("a\u{1b}[2Jb\r\nc"));
        let mut hostile = second(8);
        hostile.so_far.endpoints[0].name = "GET /\u{9b}31m".to_owned();
        state.take(News::Second(Box::new(hostile)));
        let live = state.live.as_ref().expect("a second");
        let shown = format!("{}{}{}", state.title, state.progress, live.so_far.endpoints[0].name);
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }

    #[test]
    fn cpu_is_shown_over_whole_seconds() {
        let used = |tick: u64, cpu: u64| Use {
            tick: Micros(tick),
            cores: 2,
            busy: Micros(cpu * 2),
            tiers: BTreeMap::from([(Tier::Server, Micros(cpu))]),
        };
        let mut state = State::new("load");
        state.take(News::Use(used(500_000, 100_000)));
        assert_eq!(state.cpu, Cpu::default());
        state.take(News::Use(used(500_000, 400_000)));
        assert_eq!(state.cpu.host, Some(Ratio(0.5)));
        assert_eq!(state.cpu.tiers, BTreeMap::from([(Tier::Server, Ratio(0.5))]));
    }

    #[test]
    fn a_heading_begins_the_stages_anew() {
        let mut state = State::new("ladder");
        let ended = Event::StageEnded { stage: Stage::Up, status: StageStatus::Done, seconds: 1.0 };
        state.take(News::Event(ended));
        state.take(News::Heading("rung 2 of 3".to_owned()));
        assert!(state.ended.is_empty() && state.heading == "rung 2 of 3");
    }
}
