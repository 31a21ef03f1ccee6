//! Load schedules: segments of rates or users, and the replay of an access log.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kneepoint_model::load_segment::LoadSegment;
use kneepoint_scenarios::Replay;
use serde::{Serialize as _, Serializer};

use super::raw::RawConfig;
use super::required::required;
use super::value::SegmentText;
use super::{ConfigError, Overrides};

/// The segments of the command line, or else of the file.
pub(super) fn read_segments(raw: &RawConfig, over: &Overrides) -> Result<Vec<SegmentText>, ConfigError> {
    let given = over.segments.iter().copied().map(SegmentText).collect::<Vec<_>>();
    let segments = if given.is_empty() { raw.load.segments.clone().unwrap_or_default() } else { given };
    let (rates, users): (Vec<LoadSegment>, Vec<LoadSegment>) = segments
        .iter()
        .map(|SegmentText(segment)| *segment)
        .partition(|segment| matches!(segment, LoadSegment::Rate(_)));
    let is_empty = |segment: &LoadSegment| match segment {
        LoadSegment::Rate(segment) => segment.mean().0 <= 0.0,
        LoadSegment::Users(segment) => segment.peak() == 0,
    };
    for (list, example) in [(rates, "ramp 0/s to 50/s over 1m"), (users, "ramp 0 to 50 users over 1m")] {
        if !list.is_empty() && list.iter().all(is_empty) {
            return Err(ConfigError::Merged(format!(
                "load.segments has no segment with load; write e.g. segments = [\"{example}\"]"
            )));
        }
    }
    Ok(segments)
}

/// Serializes a description of the log instead of its requests.
#[expect(clippy::ref_option, reason = "the signature that serde requires")]
pub(super) fn serialize_replay<S: Serializer>(
    replay: &Option<Arc<Replay>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    replay.as_ref().map(|log| log.notes().join(" ")).serialize(serializer)
}

/// Path of the log from the command line, or else from the file.
pub(super) fn replay_path(raw: &RawConfig, base: &Path, over: &Overrides) -> Option<PathBuf> {
    over.replay.clone().or_else(|| raw.load.replay.as_ref().map(|path| base.join(path)))
}

/// Reads the whole log, so that its errors are reported before anything is started.
pub(super) fn read_replay(path: &Path) -> Result<Arc<Replay>, ConfigError> {
    let file = File::open(path).map_err(|error| ConfigError::unreadable(path, &error))?;
    let log = Replay::from_access_log(BufReader::with_capacity(1 << 20, file), &path.display().to_string());
    let log = log.map_err(|error| ConfigError::Merged(format!("load.replay: {error}")))?;
    Ok(Arc::new(log))
}

/// Factor by which the replay is faster than the log.
pub(super) fn replay_speed(raw: &RawConfig, over: &Overrides) -> Result<f64, ConfigError> {
    let speed = over.speed.unwrap_or(required(raw.load.speed));
    if speed > 0.0 && speed <= 1_000.0 {
        return Ok(speed);
    }
    let why = format!("load.speed = {speed} must be above 0 and at most 1000; e.g. speed = 5");
    Err(ConfigError::Merged(why))
}
