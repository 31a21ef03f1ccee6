//! Exemplars: the slowest requests, and the first that failed in each way.

use kneepoint_model::load::Exemplar;
use kneepoint_model::text::clean;
use kneepoint_model::units::Micros;

use super::completed::{CompletedRequest, RecordedHead};
use super::diagnostic_headers::diagnostic_headers;
use crate::window::Window;

const MAX_SLOWEST: usize = 10;
const MAX_FAILED: usize = 10;
const MAX_FAILED_ALIKE: usize = 3;
const MAX_TEXT_LEN: usize = 300;

/// A bounded collection. Merging two gives the same as recording all requests of the first, then all of the second.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Exemplars {
    slowest: Vec<(usize, Exemplar)>,
    failed: Vec<(usize, Exemplar)>,
}

impl Exemplars {
    /// Adds a request if it qualifies; texts are made only then.
    pub(crate) fn consider(&mut self, request: &CompletedRequest<'_>, window: &Window) {
        let response = Micros::from_duration(request.response());
        let slow = self.slowest.len() < MAX_SLOWEST
            || self.slowest.last().is_some_and(|(_, least)| least.response_us <= response);
        let failed = !request.outcome.is_ok() && self.failed.len() < MAX_FAILED;
        if !slow && !failed {
            return;
        }
        let exemplar = Exemplar {
            at_ms: window.to_ms(request.due),
            endpoint: String::new(),
            path: clean(request.path, MAX_TEXT_LEN),
            trace_id: request.trace.hex(),
            outcome: request.outcome,
            status: request.status,
            response_us: response,
            service_us: request.service().map(Micros::from_duration).unwrap_or_default(),
            ttfb_us: request.ttfb().map(Micros::from_duration),
            detail: describe(request),
            headers: request
                .response
                .map(|RecordedHead { head, secrets }| diagnostic_headers(head, secrets))
                .unwrap_or_default(),
        };
        self.add(request.endpoint, exemplar);
    }

    fn add(&mut self, endpoint: usize, exemplar: Exemplar) {
        if !exemplar.outcome.is_ok() {
            let alike = self
                .failed
                .iter()
                .filter(|(other, known)| *other == endpoint && known.outcome == exemplar.outcome)
                .count();
            if alike < MAX_FAILED_ALIKE && self.failed.len() < MAX_FAILED {
                self.failed.push((endpoint, exemplar.clone()));
            }
        }
        // A total order, so that merging in any order keeps the same ten.
        let at = self.slowest.partition_point(|(_, known)| {
            (exemplar.response_us, &known.trace_id) < (known.response_us, &exemplar.trace_id)
        });
        if at < MAX_SLOWEST {
            self.slowest.insert(at, (endpoint, exemplar));
            self.slowest.truncate(MAX_SLOWEST);
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (endpoint, exemplar) in other.merge_order() {
            self.merge_one(*endpoint, exemplar);
        }
    }

    /// Adds one exemplar of another collection, in its [`Self::merge_order`].
    pub(crate) fn merge_one(&mut self, endpoint: usize, exemplar: &Exemplar) {
        if !self.contains(exemplar) {
            self.add(endpoint, exemplar.clone());
        }
    }

    /// All, each once, in the order that keeps merging exact: failed ones in order of arrival, then the slowest.
    pub(crate) fn merge_order(&self) -> impl Iterator<Item = &(usize, Exemplar)> {
        let failed =
            |exemplar: &Exemplar| self.failed.iter().any(|(_, known)| known.trace_id == exemplar.trace_id);
        self.failed.iter().chain(self.slowest.iter().filter(move |(_, exemplar)| !failed(exemplar)))
    }

    fn contains(&self, exemplar: &Exemplar) -> bool {
        self.slowest.iter().chain(&self.failed).any(|(_, known)| known.trace_id == exemplar.trace_id)
    }

    pub(crate) fn clear(&mut self) {
        self.slowest.clear();
        self.failed.clear();
    }

    /// All, each once: the slowest first, then failed ones that are not among them.
    pub(crate) fn all(&self) -> Vec<(usize, Exemplar)> {
        let mut all = self.slowest.clone();
        for (endpoint, exemplar) in &self.failed {
            if !all.iter().any(|(_, known)| known.trace_id == exemplar.trace_id) {
                all.push((*endpoint, exemplar.clone()));
            }
        }
        all
    }
}

fn describe(request: &CompletedRequest<'_>) -> String {
    if !request.detail.is_empty() {
        return clean(request.detail, MAX_TEXT_LEN);
    }
    let Some(hop) = request.hops.last() else { return String::new() };
    let parts = [
        ("app", hop.timing.app),
        ("cpu", hop.timing.cpu),
        ("db", hop.timing.db),
        ("cache", hop.timing.cache),
        ("engine", hop.timing.engine),
    ];
    let times: Vec<String> =
        parts.iter().filter_map(|(name, time)| time.map(|time| format!("{name} {time}"))).collect();
    times.join(", ")
}
