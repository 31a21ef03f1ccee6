//! The plan: what is believed. Built once; each stage is given its own part and never the whole.

mod experiment;
mod ladder;
mod load;
mod slo;
mod target;

use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::units::Span;
use serde::{Serialize, Serializer};

pub(crate) use self::experiment::ExperimentPart;
pub(crate) use self::ladder::LadderPart;
pub(crate) use self::load::{LoadPart, Mix};
pub(crate) use self::slo::SloPart;
pub(crate) use self::target::{SiteTarget, StackPart, Target};
use super::mix::mix;
use super::raw::{Crawl, RawConfig};
use super::value::OtlpUrl;
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

/// Profiling.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ProfilePart {
    #[serde(serialize_with = "seconds")]
    pub(crate) time: Duration,
    pub(crate) hz: u32,
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
        let mix = mix(&raw, base, over)?;
        let slo = slo::slo(&raw.slo, over, &mix)?;
        Ok(Self {
            home: home.to_owned(),
            target: target::target(&raw, base, seed, over)?,
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
            load: load::part(&raw, base, seed, over, mix)?,
            profile: ProfilePart { time: time(raw.profile.time), hz: set(raw.profile.hz).0.min(99) },
            ladder: ladder::ladder(&raw.ladder, over)?,
            experiment: experiment::experiment(&raw.experiment, over)?,
            slo,
            report: ReportPart { otlp: over.otlp.clone().or(raw.report.otlp) },
            crawl: raw.crawl,
        })
    }
}
