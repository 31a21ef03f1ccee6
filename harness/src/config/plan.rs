//! The plan: validated settings, one part for each stage. No stage gets the whole plan.

mod experiment;
mod ladder;
mod load;
mod slo;
mod target;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

pub(crate) use self::experiment::ExperimentPart;
pub(crate) use self::ladder::LadderPart;
pub(crate) use self::load::{LoadPart, Mix};
pub(crate) use self::slo::SloPart;
pub(crate) use self::target::{SiteTarget, StackPart, Target};
use super::mix::load_mix;
use super::raw::{Crawl, RawConfig};
use super::required::{required, required_time, serialize_time};
use super::value::OtlpUrl;
use super::{ConfigError, Overrides};

/// All settings of a run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Plan {
    /// The `.kneepoint` folder.
    #[serde(skip)]
    pub(crate) home: PathBuf,
    /// The reference stack or a running site.
    pub(crate) target: Target,
    /// Seed of the data and of the load.
    pub(crate) seed: u64,
    /// Limits of the smoke crawl.
    pub(crate) crawl: Crawl,
    /// Limits of the warm-up stage.
    pub(crate) warm: WarmPart,
    /// Limits of the probe stage.
    pub(crate) probe: ProbePart,
    /// Load phases and transport.
    pub(crate) load: LoadPart,
    /// Length and rate of the profiles.
    pub(crate) profile: ProfilePart,
    /// Objective, phases and rungs of the ladder.
    pub(crate) ladder: LadderPart,
    /// Pairs and blocks of experiments.
    pub(crate) experiment: ExperimentPart,
    /// Assertions for the gate.
    pub(crate) slo: SloPart,
    /// Outputs beside the run folder.
    pub(crate) report: ReportPart,
}

/// `[warm]`: limits of the warm stage.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct WarmPart {
    pub(crate) pages: usize,
    pub(crate) max_rounds: usize,
    #[serde(serialize_with = "serialize_time")]
    pub(crate) max_time: Duration,
}

/// `[probe]`: limits of the probe stage.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ProbePart {
    pub(crate) repeats: u32,
    pub(crate) max_routes: usize,
    #[serde(serialize_with = "serialize_time")]
    pub(crate) max_time: Duration,
}

/// `[profile]`: length and sampling rate.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ProfilePart {
    #[serde(serialize_with = "serialize_time")]
    pub(crate) time: Duration,
    pub(crate) hz: u32,
}

/// `[report]`: outputs beside the run folder.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ReportPart {
    /// Collector of OpenTelemetry metrics that receives figures of load.
    pub(crate) otlp: Option<OtlpUrl>,
}

impl Plan {
    pub(super) fn build(
        raw: RawConfig,
        base: &Path,
        home: &Path,
        over: &Overrides,
    ) -> Result<Self, ConfigError> {
        let seed = over.seed.unwrap_or(required(raw.stack.seed));
        let mix = load_mix(&raw, base, over)?;
        let slo = slo::build_slo(&raw.slo, over, &mix)?;
        Ok(Self {
            home: home.to_owned(),
            target: target::build_target(&raw, base, seed, over)?,
            seed,
            warm: WarmPart {
                pages: required(raw.warm.pages).0 as usize,
                max_rounds: required(raw.warm.max_rounds).0 as usize,
                max_time: required_time(raw.warm.max_time),
            },
            probe: ProbePart {
                repeats: required(raw.probe.repeats).0,
                max_routes: required(raw.probe.max_routes).0 as usize,
                max_time: required_time(raw.probe.max_time),
            },
            load: load::part(&raw, base, seed, over, mix)?,
            profile: ProfilePart {
                time: required_time(raw.profile.time),
                hz: required(raw.profile.hz).0.min(99),
            },
            ladder: ladder::build_ladder(&raw.ladder, over)?,
            experiment: experiment::build_experiment(&raw.experiment, over)?,
            slo,
            report: ReportPart { otlp: over.otlp.clone().or(raw.report.otlp) },
            crawl: raw.crawl,
        })
    }
}
