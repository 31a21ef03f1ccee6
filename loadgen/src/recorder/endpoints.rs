//! Numbers and tags of the endpoints, groups and feeds of a mix.

use kneepoint_scenarios::{Scenario, StepSlo};
use serde::{Deserialize, Serialize};

/// An endpoint and its tag in the interval log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) tag: String,
    /// SLO assertions of its scenarios.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) slo: Vec<String>,
}

/// A feed of a scenario, for the message when it is exhausted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FeedRecord {
    pub(crate) scenario: String,
    pub(crate) feed: String,
    pub(crate) rows: u64,
}

/// The feeds of a mix, scenario by scenario.
pub(crate) fn collect_feeds(scenarios: &[(Scenario, u32)]) -> Vec<FeedRecord> {
    let records = |scenario: &Scenario| {
        let scenario_name = scenario.name().to_owned();
        let record = |(feed, rows): (&str, u64)| FeedRecord {
            scenario: scenario_name.clone(),
            feed: feed.to_owned(),
            rows,
        };
        scenario.feeds().map(record).collect::<Vec<_>>()
    };
    scenarios.iter().flat_map(|(scenario, _)| records(scenario)).collect()
}

/// Endpoints of a mix in the order of its files, and for each scenario and step the number of its endpoint. Steps of the same
/// name are one endpoint.
pub(crate) fn collect_endpoints(scenarios: &[(Scenario, u32)]) -> (Vec<Endpoint>, Vec<Vec<usize>>) {
    let mut endpoints: Vec<Endpoint> = Vec::new();
    let mut numbers = Vec::new();
    for (scenario, _) in scenarios {
        let mut step_numbers = Vec::new();
        for step in scenario.steps() {
            let number = intern_endpoint(&mut endpoints, step.name());
            let assertions = &mut endpoints[number].slo;
            for assertion in step.slo().iter().map(StepSlo::assertion) {
                if !assertions.iter().any(|known| known == assertion) {
                    assertions.push(assertion.to_owned());
                }
            }
            step_numbers.push(number);
            if step.loads_assets() {
                intern_endpoint(&mut endpoints, &assets_endpoint_name(step.name()));
            }
        }
        numbers.push(step_numbers);
    }
    (endpoints, numbers)
}

/// Groups of a mix in the order of its files, and for each scenario and step the number of its group. Groups of the same name are
/// one.
pub(crate) fn collect_groups(scenarios: &[(Scenario, u32)]) -> (Vec<Endpoint>, Vec<Vec<Option<usize>>>) {
    let mut groups: Vec<Endpoint> = Vec::new();
    let mut number = |name: &str| intern_endpoint(&mut groups, name);
    let mut numbers = Vec::new();
    for (scenario, _) in scenarios {
        numbers.push(scenario.steps().iter().map(|step| step.group().map(&mut number)).collect());
    }
    (groups, numbers)
}

/// The number of an endpoint, which is added if it is missing.
pub(crate) fn intern_endpoint(endpoints: &mut Vec<Endpoint>, name: &str) -> usize {
    if let Some(known) = endpoints.iter().position(|endpoint| endpoint.name == name) {
        return known;
    }
    let tag = make_unique(to_tag(name), endpoints);
    endpoints.push(Endpoint { name: name.to_owned(), tag, slo: Vec::new() });
    endpoints.len() - 1
}

/// Endpoint of the assets of a step: a separate one, so that they do not dilute the figures of pages.
pub(crate) fn assets_endpoint_name(step: &str) -> String {
    format!("{step} +assets")
}

fn to_tag(name: &str) -> String {
    name.chars()
        .map(|c| if c == ',' || c == '|' || c.is_whitespace() || c.is_control() { '_' } else { c })
        .collect()
}

fn make_unique(tag: String, endpoints: &[Endpoint]) -> String {
    let taken = |tag: &str| endpoints.iter().any(|endpoint| endpoint.tag == tag);
    if !taken(&tag) {
        return tag;
    }
    let numbered = (2..=endpoints.len() + 2).map(|n| format!("{tag}~{n}"));
    numbered.into_iter().find(|tag| !taken(tag)).expect("more numbers than endpoints")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_one_name_are_one_endpoint_and_tags_are_unique() {
        let read = |text: &str| Scenario::parse("x", text).unwrap_or_else(|e| panic!("{e}"));
        let a = read(
            "name = \"a\"\n[[step]]\nname = \"GET /x y\"\npath = \"/1\"\n[[step]]\nname = \"GET /x,y\"\npath = \"/2\"\n",
        );
        let b = read(
            "name = \"b\"\n[[step]]\nname = \"GET /x y\"\npath = \"/3\"\nslo = { p95 = \"1s\" }\n[[step]]\nname = \"GET /x y\"\npath = \"/4\"\nslo = { p95 = \"1s\", p50 = \"9ms\" }\n",
        );
        let (endpoints, numbers) = collect_endpoints(&[(a, 1), (b, 2)]);
        let tags: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.tag.as_str()).collect();
        assert_eq!(tags, ["GET_/x_y", "GET_/x_y~2"]);
        assert_eq!(numbers, [vec![0, 1], vec![0, 0]]);
        assert_eq!(endpoints[0].slo, ["p95 <= 1s", "p50 <= 9ms"]);
    }
}
