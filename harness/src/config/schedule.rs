//! When visitors come, where it is not simply a rate or a number of users: in stages, or as a log says they once did.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kneepoint_model::load_segment::LoadSegment;
use kneepoint_scenarios::Replay;
use serde::{Serialize as _, Serializer};

use super::plan::set;
use super::raw::RawConfig;
use super::value::StageText;
use super::{ConfigError, Overrides};

/// The stages of the command line, or else of the file.
pub(super) fn stages(raw: &RawConfig, over: &Overrides) -> Result<Vec<StageText>, ConfigError> {
    let given = over.stages.iter().copied().map(StageText).collect::<Vec<_>>();
    let stages = if given.is_empty() { raw.load.stages.clone().unwrap_or_default() } else { given };
    let (rates, users): (Vec<LoadSegment>, Vec<LoadSegment>) =
        stages.iter().map(|StageText(stage)| *stage).partition(|stage| matches!(stage, LoadSegment::Rate(_)));
    let is_empty = |stage: &LoadSegment| match stage {
        LoadSegment::Rate(stage) => stage.mean().0 <= 0.0,
        LoadSegment::Users(stage) => stage.peak() == 0,
    };
    for (own, example) in [(rates, "ramp 0/s to 50/s over 1m"), (users, "ramp 0 to 50 users over 1m")] {
        if !own.is_empty() && own.iter().all(is_empty) {
            return Err(ConfigError::Merged(format!(
                "load.stages has no stage with visitors; e.g. stages = [\"{example}\"]"
            )));
        }
    }
    Ok(stages)
}

/// What is said of a log, instead of the log itself.
#[expect(clippy::ref_option, reason = "serde gives it so")]
pub(super) fn said<S: Serializer>(replay: &Option<Arc<Replay>>, serializer: S) -> Result<S::Ok, S::Error> {
    replay.as_ref().map(|log| log.said().join(" ")).serialize(serializer)
}

/// The log of the command line, or else of the file.
pub(super) fn log_of(raw: &RawConfig, base: &Path, over: &Overrides) -> Option<PathBuf> {
    over.replay.clone().or_else(|| raw.load.replay.as_ref().map(|path| base.join(path)))
}

/// The log, read whole: what is wrong with it is said before anything is started.
pub(super) fn read(path: &Path) -> Result<Arc<Replay>, ConfigError> {
    let file = File::open(path).map_err(|error| ConfigError::unreadable(path, &error))?;
    let log = Replay::from_access_log(BufReader::with_capacity(1 << 20, file), &path.display().to_string());
    let log = log.map_err(|error| ConfigError::Merged(format!("load.replay: {error}")))?;
    Ok(Arc::new(log))
}

/// How much faster than in the log its requests come.
pub(super) fn speed(raw: &RawConfig, over: &Overrides) -> Result<f64, ConfigError> {
    let speed = over.speed.unwrap_or(set(raw.load.speed));
    if speed > 0.0 && speed <= 1_000.0 {
        return Ok(speed);
    }
    let why = format!("load.speed = {speed} is not above 0 and at most 1000; e.g. speed = 5");
    Err(ConfigError::Merged(why))
}
