//! What the files of a phase hold: the plan, the lines of counts, and the tags of the interval log.

use std::collections::BTreeMap;

use kneepoint_model::crowd::AnyStage;
use kneepoint_model::load::{Exemplar, HttpVersion, LoadModel, Pacing};
use kneepoint_model::units::UnixMillis;
use serde::{Deserialize, Serialize};

use super::counts::EndpointCounts;
use super::endpoints::{Endpoint, FeedRecord};
use super::groups::GroupCounts;
use super::segments::SegmentCounts;

/// What was planned: everything that a result needs and the other files do not say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlanRecord {
    pub(crate) format_version: u32,
    pub(crate) name: String,
    pub(crate) load: LoadModel,
    #[serde(default)]
    pub(crate) http: HttpVersion,
    pub(crate) scenarios: BTreeMap<String, u32>,
    pub(crate) seed: u64,
    pub(crate) started_ms: UnixMillis,
    pub(crate) measured_from_ms: UnixMillis,
    pub(crate) measured_until_ms: UnixMillis,
    #[serde(default, rename = "stages")]
    pub(crate) segments: Vec<AnyStage>,
    #[serde(default)]
    pub(crate) pacing: Option<Pacing>,
    pub(crate) endpoints: Vec<Endpoint>,
    /// Scenario by scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) feeds: Vec<FeedRecord>,
    /// GroupTotals of steps with their tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<Endpoint>,
}

/// One line of tallies: what an interval adds to the measured part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CountsLine {
    pub(crate) at_ms: UnixMillis,
    pub(crate) due: u64,
    pub(crate) ended: u64,
    pub(crate) journeys: u64,
    pub(crate) journeys_failed: u64,
    /// Journeys that were not begun, by feed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", rename = "dry")]
    pub(crate) exhausted_feeds: BTreeMap<usize, u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "stages")]
    pub(crate) segments: Vec<SegmentCounts>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<GroupCounts>,
    pub(crate) endpoints: BTreeMap<usize, EndpointCounts>,
    pub(crate) exemplars: Vec<(usize, Exemplar)>,
}

/// Tag of the generator's own histograms.
pub(super) const GENERATOR: &str = "generator";
/// Ends the tags of what was due before the measured part.
pub(super) const WARMUP: &str = "|warmup";

/// Ends the tags of stages.
pub(super) const STAGE: &str = "stage";

/// Ends the tags of groups.
pub(super) const GROUP: &str = "group";

/// Whose histogram it is, and of what kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HistogramTag<'a> {
    /// Of an endpoint's tag, or `generator`.
    Endpoint(&'a str, &'a str),
    /// Of the stage of this number, from 0.
    Segment(usize, &'a str),
    /// Of the group with this tag.
    Group(&'a str),
}

/// What a measured tag says; `None` for warm-up and garbage.
pub(crate) fn parse_tag(tag: &str) -> Option<HistogramTag<'_>> {
    let parts: Vec<&str> = tag.split('|').collect();
    match parts.as_slice() {
        [endpoint, kind] => Some(HistogramTag::Endpoint(endpoint, kind)),
        [group, "time", GROUP] => Some(HistogramTag::Group(group)),
        [number, kind, STAGE] => {
            Some(HistogramTag::Segment(number.parse::<usize>().ok()?.checked_sub(1)?, kind))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_endpoints_stages_and_groups_are_told_apart() {
        assert_eq!(parse_tag("GET_/x_y|response"), Some(HistogramTag::Endpoint("GET_/x_y", "response")));
        assert_eq!(parse_tag("2|response|stage"), Some(HistogramTag::Segment(1, "response")));
        assert_eq!(parse_tag("check_out|time|group"), Some(HistogramTag::Group("check_out")));
        assert_eq!(parse_tag("0|response|stage"), None);
        assert_eq!(parse_tag("GET_/x_y|response|warmup"), None);
    }
}
