//! Everything that a frame is drawn from, folded from events, seconds of load and resource samples. Pure: no clock is
//! read here.

use std::collections::{BTreeMap, VecDeque};

use kneepoint_model::event::Event;
use kneepoint_model::live::LiveSecond;
use kneepoint_model::sample::ResourceSample;
use kneepoint_model::stage::{Stage, StageStatus};
use kneepoint_model::text::remove_controls;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, Ratio};

/// Longest history of the charts, in seconds.
pub(crate) const HISTORY: usize = 180;
/// Warnings that are kept; older ones are dropped.
const WARNINGS: usize = 50;
/// CPU is averaged over at least this time: one tick of the sampler is too short for a steady figure.
const CPU_OVER: Micros = Micros(1_000_000);

/// One change of what the view shows.
#[derive(Debug, Clone)]
pub enum Update {
    /// A stage started, advanced, warned or ended.
    Event(Event),
    /// The start of a rung or toggle; clears the stages shown so far.
    Heading(String),
    /// Figures of one second of load.
    Second(Box<LiveSecond>),
    /// CPU time of one tick of the sampler.
    Cpu(CpuUsage),
    /// The user asked to stop.
    Stopping,
}

/// CPU time that the host and each tier used in one tick of the sampler.
#[derive(Debug, Clone, Default)]
pub struct CpuUsage {
    tick: Micros,
    cores: u32,
    busy: Micros,
    tiers: BTreeMap<Tier, Micros>,
}

impl CpuUsage {
    /// Sums the CPU time of a sample by tier.
    pub fn from_sample(sample: &ResourceSample) -> Self {
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

/// CPU shares: the host's of all cores, a tier's of one core (so it may exceed 1).
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct CpuShares {
    pub(crate) host: Option<Ratio>,
    pub(crate) tiers: BTreeMap<Tier, Ratio>,
}

/// One second in the charts; rates are per second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Point {
    pub(crate) achieved: f64,
    pub(crate) offered: f64,
    pub(crate) p95: Micros,
}

/// The state of the view.
#[derive(Debug, Clone, Default)]
pub(crate) struct ViewState {
    /// The command and its target.
    pub(crate) title: String,
    pub(crate) heading: String,
    /// Stages that ended, in order.
    pub(crate) ended: Vec<(Stage, StageStatus)>,
    pub(crate) stage: Option<Stage>,
    /// Progress of the current stage.
    pub(crate) progress: String,
    /// The latest second of load; `is_loading` tells whether that load still runs.
    pub(crate) live: Option<LiveSecond>,
    pub(crate) is_loading: bool,
    pub(crate) history: VecDeque<Point>,
    pub(crate) warnings: VecDeque<String>,
    pub(crate) cpu: CpuShares,
    pub(crate) is_stopping: bool,
    cpu_sum: CpuUsage,
}

impl ViewState {
    pub(crate) fn new(title: &str) -> Self {
        Self { title: remove_controls(title), ..Self::default() }
    }

    /// Applies one update.
    pub(crate) fn apply(&mut self, update: Update) {
        match update {
            Update::Event(event) => self.apply_event(event),
            Update::Heading(text) => {
                self.heading = remove_controls(&text);
                self.ended.clear();
                self.stage = None;
            }
            Update::Second(second) => self.apply_second(*second),
            Update::Cpu(usage) => self.apply_cpu(&usage),
            Update::Stopping => self.is_stopping = true,
        }
    }

    fn apply_event(&mut self, event: Event) {
        match event {
            Event::StageStarted { stage } => {
                self.stage = Some(stage);
                self.progress.clear();
            }
            Event::Progress { done, total, message, .. } => {
                let message = remove_controls(&message);
                self.progress = match total {
                    Some(total) if total > 0 => format!("{done} of {total} · {message}"),
                    _ => message,
                };
            }
            Event::Note { message, .. } => self.progress = remove_controls(&message),
            Event::Warning { stage, message } => {
                if self.warnings.len() == WARNINGS {
                    self.warnings.pop_front();
                }
                self.warnings.push_back(format!("{}: {}", stage.name(), remove_controls(&message)));
            }
            Event::StageEnded { stage, status, .. } => {
                self.ended.push((stage, status));
                self.stage = None;
                self.is_loading = false;
            }
        }
    }

    fn apply_second(&mut self, mut second: LiveSecond) {
        for endpoint in &mut second.so_far.endpoints {
            endpoint.name = remove_controls(&endpoint.name);
        }
        if let (true, Some(live)) = (second.is_last(), &mut self.live) {
            // The last message of a phase has no figures of a second.
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

    fn apply_cpu(&mut self, usage: &CpuUsage) {
        self.cpu_sum.add(usage);
        if self.cpu_sum.tick < CPU_OVER {
            return;
        }
        let CpuUsage { tick, cores, busy, tiers } = std::mem::take(&mut self.cpu_sum);
        self.cpu = CpuShares {
            host: Ratio::from_parts(busy.get(), tick.get() * u64::from(cores)),
            tiers: tiers
                .into_iter()
                .filter_map(|(tier, cpu)| Some((tier, Ratio::from_parts(cpu.get(), tick.get())?)))
                .collect(),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::test_seconds::second;

    fn progress(message: &str) -> Update {
        let message = message.to_owned();
        Update::Event(Event::Progress { stage: Stage::Smoke, done: 3, total: Some(9), message })
    }

    #[test]
    fn the_last_of_a_phase_keeps_the_figures_of_the_second_before() {
        let mut state = ViewState::new("load");
        state.apply(Update::Second(Box::new(second(8))));
        let mut last = second(8);
        last.interval = Duration::ZERO;
        last.so_far.requests = 7_777;
        assert!(state.is_loading);
        state.apply(Update::Second(Box::new(last)));
        let live = state.live.as_ref().expect("a second");
        assert_eq!((live.so_far.requests, live.interval), (7_777, Duration::from_secs(1)));
        assert!(!state.is_loading && state.history.len() == 1);
    }

    #[test]
    fn history_and_warnings_are_bounded() {
        let mut state = ViewState::new("load");
        for n in 0..400 {
            state.apply(Update::Second(Box::new(second(n))));
            let message = format!("w{n}");
            state.apply(Update::Event(Event::Warning { stage: Stage::Load, message }));
        }
        assert_eq!((state.history.len(), state.warnings.len()), (HISTORY, WARNINGS));
        assert_eq!(state.warnings.back().map(String::as_str), Some("load: w399"));
    }

    #[test]
    fn text_of_the_site_cannot_drive_the_terminal() {
        let mut state = ViewState::new("http://\u{1b}[2Jx/");
        state.apply(progress("a\u{1b}[2Jb\r\nc"));
        let mut hostile = second(8);
        hostile.so_far.endpoints[0].name = "GET /\u{9b}31m".to_owned();
        state.apply(Update::Second(Box::new(hostile)));
        let live = state.live.as_ref().expect("a second");
        let shown = format!("{}{}{}", state.title, state.progress, live.so_far.endpoints[0].name);
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }

    #[test]
    fn cpu_is_averaged_over_whole_seconds() {
        let usage = |tick: u64, cpu: u64| CpuUsage {
            tick: Micros(tick),
            cores: 2,
            busy: Micros(cpu * 2),
            tiers: BTreeMap::from([(Tier::Server, Micros(cpu))]),
        };
        let mut state = ViewState::new("load");
        state.apply(Update::Cpu(usage(500_000, 100_000)));
        assert_eq!(state.cpu, CpuShares::default());
        state.apply(Update::Cpu(usage(500_000, 400_000)));
        assert_eq!(state.cpu.host, Some(Ratio(0.5)));
        assert_eq!(state.cpu.tiers, BTreeMap::from([(Tier::Server, Ratio(0.5))]));
    }

    #[test]
    fn a_heading_clears_the_stages() {
        let mut state = ViewState::new("ladder");
        let ended = Event::StageEnded { stage: Stage::Up, status: StageStatus::Done, seconds: 1.0 };
        state.apply(Update::Event(ended));
        state.apply(Update::Heading("rung 2 of 3".to_owned()));
        assert!(state.ended.is_empty() && state.heading == "rung 2 of 3");
    }
}
