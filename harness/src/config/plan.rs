//! The plan: what is believed. Built once; each stage is given its own part and never the whole.
//!
//! Longer than other files: a part and the way it is made of the file and the command line are read side by side.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kneepoint_ci::{PlanError, SloPlan, check_endpoints, promise};
use kneepoint_loadgen::Coding;
use kneepoint_model::crowd::AnyStage;
use kneepoint_model::ladder::{Promise, SearchPlan};
use kneepoint_model::load::HttpVersion;
use kneepoint_model::units::Span;
use kneepoint_model::via::Via;
use kneepoint_scenarios::{Promised, Replay, Scenario};
use serde::{Serialize, Serializer};
use url::Url;

use super::mix::mix;
use super::raw::{Crawl, DataSize, FailOn, RawConfig, Site, StackDb, StackDriver};
use super::schedule::{self, log_of, said, speed, stages};
use super::value::{AssertionText, OtlpUrl, Rate, Spread, StageText, StopText, WakeText};
use super::wire::ReadRateText;
use super::{ConfigError, Overrides};

/// Everything a run needs to know.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Plan {
    /// The `.kneepoint` folder.
    #[serde(skip)]
    pub(crate) home: PathBuf,
    /// What is looked at.
    pub(crate) target: Target,
    /// Seed of data and load.
    pub(crate) seed: u64,
    /// Smoke.
    pub(crate) crawl: Crawl,
    /// Warming.
    pub(crate) warm: WarmPart,
    /// Probing.
    pub(crate) probe: ProbePart,
    /// Load.
    pub(crate) load: LoadPart,
    /// Profiling.
    pub(crate) profile: ProfilePart,
    /// The climb of the ladder.
    pub(crate) ladder: LadderPart,
    /// Advice put to the test.
    pub(crate) experiment: ExperimentPart,
    /// Assertions.
    pub(crate) slo: SloPart,
    /// Who else is told.
    pub(crate) report: ReportPart,
}

/// The reference stack, or a site that already runs.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// Brought up and taken down by kneepoint.
    Reference(StackPart),
    /// Looked at only.
    Site(Box<SiteTarget>),
}

/// How the reference stack is brought up.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StackPart {
    pub(crate) driver: StackDriver,
    pub(crate) db: StackDb,
    pub(crate) topology: String,
    pub(crate) size: DataSize,
    pub(crate) seed: u64,
    pub(crate) port: u16,
    pub(crate) workers: u32,
    pub(crate) python: Option<PathBuf>,
    pub(crate) env: BTreeMap<String, String>,
}

/// A site that already runs.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SiteTarget {
    pub(crate) url: Url,
    pub(crate) host_header: Option<String>,
    pub(crate) via: Via,
    pub(crate) consent: bool,
    pub(crate) access_log: Option<PathBuf>,
    pub(crate) server_pids: Vec<u32>,
    pub(crate) pprof_url: Option<Url>,
}

/// Warming.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct WarmPart {
    pub(crate) pages: usize,
    pub(crate) max_rounds: usize,
    #[serde(serialize_with = "seconds")]
    pub(crate) max_time: Duration,
}

/// Probing.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ProbePart {
    pub(crate) repeats: u32,
    pub(crate) max_routes: usize,
    #[serde(serialize_with = "seconds")]
    pub(crate) max_time: Duration,
}

/// Load.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LoadPart {
    pub(crate) http: HttpVersion,
    pub(crate) users: u32,
    #[serde(serialize_with = "seconds")]
    pub(crate) closed: Duration,
    #[serde(serialize_with = "seconds")]
    pub(crate) open: Duration,
    pub(crate) rate: Rate,
    /// Where there are any of a rate, the open phase goes through them, and `open` and `rate` are not used; where there are any
    /// of users, the closed phase does, and `closed` and `users` are not used.
    pub(crate) stages: Vec<StageText>,
    pub(crate) arrivals: Spread,
    /// An access log whose requests are the open phase, and how much faster they come. Read only for verbs that have one.
    #[serde(serialize_with = "said")]
    pub(crate) replay: Option<Arc<Replay>>,
    pub(crate) speed: f64,
    #[serde(serialize_with = "seconds")]
    pub(crate) warmup: Duration,
    #[serde(serialize_with = "seconds")]
    pub(crate) timeout: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) shed_after: Option<Span>,
    pub(crate) wake: WakeText,
    pub(crate) accept_encoding: Vec<Coding>,
    pub(crate) read_rate: Option<ReadRateText>,
    pub(crate) stop_when: Vec<StopText>,
    pub(crate) threads: usize,
    pub(crate) pin: bool,
    pub(crate) think: f64,
    /// As written; empty means the default of the target.
    pub(crate) scenarios: BTreeMap<String, u32>,
    #[serde(skip)]
    pub(crate) mix: Mix,
    pub(crate) seed: u64,
}

/// What users do.
#[derive(Debug, Clone)]
pub(crate) enum Mix {
    /// Scenarios, read and validated, with their weights.
    Given(Vec<(Scenario, u32)>),
    /// The pages that the crawl finds.
    Crawled,
}

/// Profiling.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ProfilePart {
    #[serde(serialize_with = "seconds")]
    pub(crate) time: Duration,
    pub(crate) hz: u32,
}

/// The climb of the ladder.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LadderPart {
    pub(crate) promise: Promise,
    pub(crate) rungs: Vec<String>,
    #[serde(serialize_with = "seconds")]
    pub(crate) closed: Duration,
    #[serde(serialize_with = "seconds")]
    pub(crate) step: Duration,
    pub(crate) search: SearchPlan,
    #[serde(serialize_with = "seconds")]
    pub(crate) equal: Duration,
    pub(crate) rate: Rate,
    #[serde(serialize_with = "seconds")]
    pub(crate) warmup: Duration,
}

/// Advice put to the test.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ExperimentPart {
    /// Pairs that a verdict is drawn from.
    pub(crate) pairs: u32,
    /// Pairs that may be measured again because something disturbed them.
    pub(crate) spare: u32,
    /// Length of a block; a pair has two.
    #[serde(serialize_with = "seconds")]
    pub(crate) block: Duration,
    /// Size of the data.
    pub(crate) size: DataSize,
}

/// Assertions.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SloPart {
    #[serde(skip)]
    pub(crate) plan: SloPlan,
    pub(crate) written: Vec<String>,
    pub(crate) fail_on: FailOn,
}

/// Who else is told.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ReportPart {
    /// A collector of OpenTelemetry metrics, told while load runs.
    pub(crate) otlp: Option<OtlpUrl>,
}

/// As it would be written in the file.
fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Span(*time))
}

/// Every key has a default, so a merged file lacks none.
pub(super) fn set<T>(value: Option<T>) -> T {
    value.expect("default.toml sets every key that has no other meaning; a test holds it")
}

fn time(value: Option<Span>) -> Duration {
    set(value).0
}

impl Plan {
    pub(super) fn build(
        raw: RawConfig,
        base: &Path,
        home: &Path,
        over: &Overrides,
    ) -> Result<Self, ConfigError> {
        let seed = over.seed.unwrap_or(set(raw.stack.seed));
        let think = set(raw.load.think);
        if !(0.0..=100.0).contains(&think) {
            return Err(ConfigError::Merged(format!(
                "load.think = {think} is not between 0 and 100; e.g. think = 0.1"
            )));
        }
        let stages = stages(&raw, over)?;
        let (log, times) = (log_of(&raw, base, over), speed(&raw, over)?);
        if log.is_some() && stages.iter().any(|StageText(stage)| matches!(stage, AnyStage::Rate(_))) {
            let why = "load.replay and load.stages both say when visitors come; leave one out";
            return Err(ConfigError::Merged(why.to_owned()));
        }
        if stages.is_empty()
            && log.is_none()
            && set(raw.load.closed).0.is_zero()
            && !set(raw.load.open).0.is_zero()
            && over.rate.unwrap_or(set(raw.load.rate)) == Rate::Auto
        {
            return Err(ConfigError::Merged(
                "load.rate = \"auto\" is taken from the closed phase, and load.closed is 0s; write a rate, e.g. rate = \"50/s\"".to_owned(),
            ));
        }
        // A log may be large: it is read only where it is going to be replayed.
        let replay = log.filter(|_| over.loads).map(|path| schedule::read(&path)).transpose()?;
        let mix = mix(&raw, base, over)?;
        let slo = slo(&raw.slo, over, &mix)?;
        Ok(Self {
            home: home.to_owned(),
            target: target(&raw, base, seed, over)?,
            seed,
            warm: WarmPart {
                pages: set(raw.warm.pages).0 as usize,
                max_rounds: set(raw.warm.max_rounds).0 as usize,
                max_time: time(raw.warm.max_time),
            },
            probe: ProbePart {
                repeats: set(raw.probe.repeats).0,
                max_routes: set(raw.probe.max_routes).0 as usize,
                max_time: time(raw.probe.max_time),
            },
            load: LoadPart {
                http: http(&raw.load, over)?,
                users: over.users.unwrap_or(set(raw.load.users).0),
                closed: time(raw.load.closed),
                open: time(raw.load.open),
                rate: over.rate.unwrap_or(set(raw.load.rate)),
                stages,
                arrivals: set(raw.load.arrivals),
                replay,
                speed: times,
                warmup: time(raw.load.warmup),
                timeout: time(raw.load.timeout),
                max_in_flight: set(raw.load.max_in_flight).0 as usize,
                shed_after: raw.load.shed_after,
                wake: set(raw.load.wake),
                accept_encoding: set(raw.load.accept_encoding.clone()),
                read_rate: raw.load.read_rate,
                stop_when: set(raw.load.stop_when.clone()),
                threads: set(raw.load.threads).0 as usize,
                pin: set(raw.load.pin),
                think,
                mix,
                scenarios: raw.load.scenarios.clone().unwrap_or_default(),
                seed,
            },
            profile: ProfilePart { time: time(raw.profile.time), hz: set(raw.profile.hz).0.min(99) },
            ladder: ladder(&raw.ladder, over)?,
            experiment: experiment(&raw.experiment, over)?,
            slo,
            report: ReportPart { otlp: over.otlp.clone().or(raw.report.otlp) },
            crawl: raw.crawl,
        })
    }
}

fn http(raw: &super::raw::Load, over: &Overrides) -> Result<HttpVersion, ConfigError> {
    let http = over.http.unwrap_or(set(raw.http));
    match raw.read_rate {
        Some(rate) if http == HttpVersion::Http2 => Err(ConfigError::Merged(format!(
            "load.read_rate = \"{}\" goes with HTTP/1.1 only (a connection of HTTP/2 has many visitors); leave it out, or write http = \"1.1\"",
            rate.0
        ))),
        _ => Ok(http),
    }
}

/// No phase of a climb may be shorter.
const SHORTEST_PHASE: Duration = Duration::from_secs(1);
/// Fewer pairs cannot carry a verdict that is wrong once in a hundred times (`kneepoint_analysis::paired`).
const LEAST_PAIRS: u32 = 8;

fn experiment(raw: &super::raw::Experiment, over: &Overrides) -> Result<ExperimentPart, ConfigError> {
    let part = ExperimentPart {
        pairs: over.pairs.unwrap_or(set(raw.pairs).0),
        spare: set(raw.spare),
        block: over.block.unwrap_or(time(raw.block)),
        size: over.size.unwrap_or(set(raw.size)),
    };
    if !(LEAST_PAIRS..=200).contains(&part.pairs) {
        return Err(ConfigError::Merged(format!(
            "experiment.pairs = {} is not between {LEAST_PAIRS} and 200; e.g. pairs = 10",
            part.pairs
        )));
    }
    if !(Duration::from_millis(100)..=Duration::from_mins(1)).contains(&part.block) {
        return Err(ConfigError::Merged(format!(
            "experiment.block = \"{}s\" is not between 100ms and 60s; e.g. block = \"1s\"",
            part.block.as_secs_f64()
        )));
    }
    Ok(part)
}

fn target(raw: &RawConfig, base: &Path, seed: u64, over: &Overrides) -> Result<Target, ConfigError> {
    if let Some(url) = over.attach.clone().or_else(|| raw.site.url.clone()) {
        return Ok(Target::Site(Box::new(site(&raw.site, base, url, over)?)));
    }
    for (flag, given) in [("--unix-socket", over.unix_socket.is_some()), ("--cacert", over.ca_file.is_some())]
    {
        if given {
            let why =
                "the reference stack has its own address; give --attach too, e.g. --attach http://shop.test/";
            return Err(ConfigError::Flag { flag, why: why.to_owned() });
        }
    }
    let mut env = raw.stack.env.clone().unwrap_or_default();
    env.extend(over.env.iter().cloned());
    Ok(Target::Reference(StackPart {
        driver: over.driver.unwrap_or(set(raw.stack.driver)),
        db: over.db.unwrap_or(set(raw.stack.db)),
        topology: over.topology.clone().unwrap_or_else(|| set(raw.stack.topology.clone())),
        size: over.size.unwrap_or(set(raw.stack.size)),
        seed,
        port: set(raw.stack.port).0,
        workers: set(raw.stack.workers),
        python: over.python.clone(),
        env,
    }))
}

fn ladder(raw: &super::raw::Ladder, over: &Overrides) -> Result<LadderPart, ConfigError> {
    let part = LadderPart {
        promise: over.promise.clone().unwrap_or_else(|| set(raw.slo.clone()).0),
        rungs: if over.rungs.is_empty() { set(raw.rungs.clone()) } else { over.rungs.clone() },
        closed: time(raw.closed),
        step: time(raw.step),
        search: SearchPlan { max_steps: set(raw.steps).0 as usize, ..SearchPlan::default() },
        equal: time(raw.equal),
        rate: over.equal_rate.unwrap_or(set(raw.rate)),
        warmup: time(raw.warmup),
    };
    for (name, length) in [("closed", part.closed), ("step", part.step), ("equal", part.equal)] {
        if length < SHORTEST_PHASE {
            return Err(ConfigError::Merged(format!(
                "ladder.{name} = \"{}s\" is too short to measure anything; at least 1s, e.g. {name} = \"5s\"",
                length.as_secs_f64()
            )));
        }
    }
    Ok(part)
}

fn site(raw: &Site, base: &Path, url: Url, over: &Overrides) -> Result<SiteTarget, ConfigError> {
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(ConfigError::Flag {
            flag: "--attach",
            why: format!("`{url}` is not an http or https address; write e.g. http://127.0.0.1:8000"),
        });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ConfigError::Flag {
            flag: "--attach",
            why: "an address with a user name or password would end up in the run folder; leave them out"
                .to_owned(),
        });
    }
    let allowed = raw.allow_hosts.iter().flatten().any(|host| Some(host.as_str()) == url.host_str());
    let in_file = |path: &PathBuf| base.join(path);
    let unix_socket = match (&over.unix_socket, &raw.unix_socket) {
        (Some(given), _) => Some(given.0.clone()),
        (None, Some(written)) => Some(written.seen_from(base).map_err(ConfigError::Merged)?),
        (None, None) => None,
    };
    let ca_file = over.ca_file.clone().or_else(|| raw.ca_file.as_ref().map(in_file));
    Ok(SiteTarget {
        via: Via { unix_socket, ca_file },
        consent: over.own_target || allowed,
        host_header: raw.host_header.clone(),
        access_log: raw.access_log.clone(),
        server_pids: raw.server_pids.clone().unwrap_or_default(),
        pprof_url: raw.pprof_url.clone(),
        url,
    })
}

fn slo(raw: &super::raw::Slo, over: &Overrides, mix: &Mix) -> Result<SloPart, ConfigError> {
    let refused = |e: PlanError| ConfigError::Refused(e.to_string());
    let texts = |list: &[AssertionText]| list.iter().map(|a| a.0.to_string()).collect::<Vec<_>>();
    let global = texts(raw.assert.as_deref().unwrap_or_default());
    let endpoints: BTreeMap<_, _> =
        raw.endpoint.iter().flatten().map(|(name, list)| (name.clone(), texts(list))).collect();
    let fail_on = over.fail_on.unwrap_or(set(raw.fail_on));
    let plan = SloPlan::parse(&global, &endpoints, None, fail_on.severity()).map_err(refused)?;
    if let Mix::Given(scenarios) = mix {
        let steps = scenarios.iter().flat_map(|(scenario, _)| scenario.steps());
        let known: Vec<_> = steps.map(|step| step.name().to_owned()).collect();
        check_endpoints(&plan, &known).map_err(refused)?;
    }
    let of_one =
        endpoints.iter().flat_map(|(name, list)| list.iter().map(move |text| format!("{name}: {text}")));
    let mut written: Vec<String> = global.iter().cloned().chain(of_one).collect();
    if let Mix::Given(scenarios) = mix {
        written.extend(promises(scenarios)?);
    }
    Ok(SloPart { plan, written, fail_on })
}

/// What the scenarios promise of their steps. It is judged from the run folder; here it must only be understood.
fn promises(scenarios: &[(Scenario, u32)]) -> Result<Vec<String>, ConfigError> {
    let steps = scenarios.iter().flat_map(|(scenario, _)| scenario.steps());
    let all = steps.flat_map(|step| step.slo().iter().map(move |promise| (step.name(), promise)));
    let one = |(step, said): (&str, &Promised)| match promise(said.text()) {
        Ok(assertion) => Ok(format!("{step}: {assertion}")),
        Err(why) => Err(ConfigError::Refused(said.refuse(why).to_string())),
    };
    all.map(one).collect()
}
