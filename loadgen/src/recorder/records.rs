//! What the files of a phase contain: the plan, the lines of counts, and the tags of the interval log.

use std::collections::BTreeMap;

use kneepoint_model::load::{Exemplar, HttpVersion, LoadModel, Pacing};
use kneepoint_model::load_segment::LoadSegment;
use kneepoint_model::units::UnixMillis;
use serde::{Deserialize, Serialize};

use super::counts::EndpointCounts;
use super::endpoints::{Endpoint, FeedRecord};
use super::groups::GroupCounts;
use super::segments::SegmentCounts;

/// The plan: everything that a result needs and the other files do not contain.
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
    pub(crate) segments: Vec<LoadSegment>,
    #[serde(default)]
    pub(crate) pacing: Option<Pacing>,
    pub(crate) endpoints: Vec<Endpoint>,
    /// Scenario by scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) feeds: Vec<FeedRecord>,
    /// Groups of steps with their tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<Endpoint>,
}

/// One line of counts: what an interval adds to the measured part.
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
/// Suffix of the tags of the warm-up.
pub(super) const WARMUP: &str = "|warmup";

/// Suffix of the tags of segments.
pub(super) const SEGMENT: &str = "stage";

/// Suffix of the tags of groups.
pub(super) const GROUP: &str = "group";

/// Owner and kind of a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HistogramTag<'a> {
    /// Tag of the endpoint, or `generator`.
    Endpoint(&'a str, &'a str),
    /// Number of the segment, from 0.
    Segment(usize, &'a str),
    /// Tag of the group.
    Group(&'a str),
}

/// Parses a tag of the measured part; `None` for warm-up and unknown tags.
pub(crate) fn parse_tag(tag: &str) -> Option<HistogramTag<'_>> {
    let parts: Vec<&str> = tag.split('|').collect();
    match parts.as_slice() {
        [endpoint, kind] => Some(HistogramTag::Endpoint(endpoint, kind)),
        [group, "time", GROUP] => Some(HistogramTag::Group(group)),
        [number, kind, SEGMENT] => {
            Some(HistogramTag::Segment(number.parse::<usize>().ok()?.checked_sub(1)?, kind))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_endpoints_segments_and_groups_are_distinguished() {
        assert_eq!(parse_tag("GET_/x_y|response"), Some(HistogramTag::Endpoint("GET_/x_y", "response")));
        assert_eq!(parse_tag("2|response|stage"), Some(HistogramTag::Segment(1, "response")));
        assert_eq!(parse_tag("check_out|time|group"), Some(HistogramTag::Group("check_out")));
        assert_eq!(parse_tag("0|response|stage"), None);
        assert_eq!(parse_tag("GET_/x_y|response|warmup"), None);
    }
}
