//! Counts requests by target in bounded memory, and turns the counts into weighted steps.

use std::collections::{BTreeMap, HashMap};

use kneepoint_model::text::clip;

use super::entry::LogEntry;
use super::time::format_minute;
use crate::import::draft::{DraftStep, DraftVar, escape_braces, free_placeholder_name};
use crate::url_template::derive_url_template;

/// Limit of distinct targets; beyond it only the URL template is counted.
const MAX_TARGETS: usize = 200_000;
/// Groups beyond this number share one endpoint, so that the file stays readable.
const MAX_GROUPS: usize = 24;
/// Targets in the list of a group.
const MAX_LISTED: u64 = 200;
/// Largest weight that a step may have.
const MAX_WEIGHT: u64 = 1_000_000;

const POPULARITY_REMARK: &str =
    "Each URL is repeated according to its popularity: half of the list is half of the requests of its step.";

/// Counts over a log.
#[derive(Debug, Default)]
pub(super) struct RequestMix {
    targets: HashMap<Box<str>, u64>,
    /// Requests beyond the limit of targets, by URL template.
    overflow: BTreeMap<String, u64>,
    minutes: BTreeMap<i64, u64>,
    time_span: Option<TimeSpan>,
}

/// The time from the first to the last request.
#[derive(Debug, Clone, Copy)]
struct TimeSpan {
    first_ms: i64,
    last_ms: i64,
    /// True when all times are whole seconds.
    whole_seconds: bool,
}

impl TimeSpan {
    fn extended_to(self, at_ms: i64) -> Self {
        Self {
            first_ms: self.first_ms.min(at_ms),
            last_ms: self.last_ms.max(at_ms),
            whole_seconds: self.whole_seconds && at_ms % 1_000 == 0,
        }
    }

    /// Mean requests per second; `None` when the log covers at most a second.
    fn mean_rate(self, requests: u64) -> Option<f64> {
        let ms = self.last_ms - self.first_ms;
        // With whole seconds, the requests of the last second are spread over it. Otherwise n requests have n - 1 intervals.
        let (requests, ms) =
            if self.whole_seconds { (requests, ms + 1_000) } else { (requests.saturating_sub(1), ms) };
        (ms > 1_000).then(|| requests as f64 * 1_000.0 / ms as f64)
    }

    /// True when the span is long enough to contain a whole clock minute.
    fn has_full_minute(self) -> bool {
        self.last_ms - self.first_ms >= 119_000
    }
}

/// Targets of one URL template, the most popular first.
struct TargetGroup {
    name: String,
    paths: Vec<(String, u64)>,
    requests: u64,
}

impl RequestMix {
    /// Counts a request that the filter accepted.
    pub(super) fn add(&mut self, entry: &LogEntry<'_>) {
        let target = &*entry.target;
        if let Some(at) = entry.at_ms {
            *self.minutes.entry(at.div_euclid(60_000)).or_default() += 1;
            let first = TimeSpan { first_ms: at, last_ms: at, whole_seconds: true };
            self.time_span = Some(self.time_span.unwrap_or(first).extended_to(at));
        }
        if let Some(count) = self.targets.get_mut(target) {
            *count += 1;
        } else if self.targets.len() < MAX_TARGETS {
            self.targets.insert(target.into(), 1);
        } else {
            *self.overflow.entry(derive_url_template(target)).or_default() += 1;
        }
    }

    /// Reports the mean and peak rate, from which a load rate can be chosen; `None` when no line has a time.
    pub(super) fn describe_rates(&self) -> Option<String> {
        let (first, last) = (self.minutes.first_key_value()?, self.minutes.last_key_value()?);
        let (busiest, peak) = self.minutes.iter().max_by_key(|(at, count)| (**count, -**at))?;
        let span = self.time_span?;
        let rate = match span.mean_rate(self.minutes.values().sum()) {
            Some(rate) => format!("{rate:.2}/s on average"),
            None => "too short for a rate".to_owned(),
        };
        let minutes = if span.has_full_minute() {
            format!(", {:.2}/s in the busiest minute ({})", *peak as f64 / 60.0, format_minute(busiest * 60))
        } else {
            String::new()
        };
        Some(format!(
            "{} to {} UTC: {rate}{minutes}.",
            format_minute(first.0 * 60),
            format_minute(last.0 * 60 + 60)
        ))
    }

    fn group_targets(&self) -> Vec<TargetGroup> {
        let mut by_template: BTreeMap<String, TargetGroup> = BTreeMap::new();
        let empty = |name: &str| TargetGroup { name: format!("GET {name}"), paths: Vec::new(), requests: 0 };
        for (target, count) in &self.targets {
            let template = derive_url_template(target);
            let group = by_template.entry(template).or_insert_with_key(|template| empty(template));
            group.requests += count;
            group.paths.push((target.to_string(), *count));
        }
        for (template, count) in &self.overflow {
            // A template without any kept target has nothing to request.
            if let Some(group) = by_template.get_mut(template) {
                group.requests += count;
            }
        }
        let mut groups: Vec<TargetGroup> = by_template.into_values().collect();
        groups.sort_by(|a, b| b.requests.cmp(&a.requests).then_with(|| a.name.cmp(&b.name)));
        if groups.len() > MAX_GROUPS {
            let others = groups.split_off(MAX_GROUPS - 1);
            let requests = others.iter().map(|group| group.requests).sum();
            let paths = others.into_iter().flat_map(|group| group.paths).collect();
            groups.push(TargetGroup { name: "GET (other pages)".to_owned(), paths, requests });
        }
        for group in &mut groups {
            group.paths.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        }
        groups
    }

    /// One step per URL template, weighted by its requests, with the list of its targets.
    pub(super) fn build_steps(&self) -> (Vec<DraftVar>, Vec<DraftStep>) {
        let groups = self.group_targets();
        let heaviest = groups.first().map_or(1, |group| group.requests);
        let (mut vars, mut steps) = (Vec::<DraftVar>::new(), Vec::new());
        for group in groups {
            let path = match group.paths.as_slice() {
                [(only, _)] => escape_braces(only),
                paths => {
                    let taken: Vec<&str> = vars.iter().map(|var| var.name.as_str()).collect();
                    let name = free_placeholder_name(group.name.trim_start_matches("GET "), &taken);
                    let path = format!("{{{name}}}");
                    vars.push(DraftVar {
                        remark: POPULARITY_REMARK,
                        name,
                        list: sample_by_popularity(paths),
                        pick: "every-time",
                    });
                    path
                }
            };
            // Scales down when the largest group has more requests than the largest weight.
            let scale = (heaviest as f64 / MAX_WEIGHT as f64).max(1.0);
            let weight = ((group.requests as f64 / scale).round() as u64).max(1);
            let name = clip(&group.name, 120).to_owned();
            let settings = vec![("weight".to_owned(), weight.to_string())];
            steps.push(DraftStep { name, method: "GET".to_owned(), path, settings, ..DraftStep::default() });
        }
        (vars, steps)
    }
}

/// Lists targets by popularity: a systematic sample of the requests, every n-th in order of popularity, so that a target with a
/// third of the requests fills a third of the list.
fn sample_by_popularity(paths: &[(String, u64)]) -> Vec<String> {
    let total: u64 = paths.iter().map(|(_, count)| count).sum();
    let listed = total.min(MAX_LISTED);
    let mut list = Vec::new();
    let mut cumulative = 0;
    for (path, count) in paths {
        cumulative += count;
        // The k-th sample is the request at (k + 1/2) / listed of all.
        while (list.len() as u64 * 2 + 1) * total <= cumulative * 2 * listed && (list.len() as u64) < listed {
            list.push(path.clone());
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn add_requests(mix: &mut RequestMix, target: &str, times: u64) {
        add_requests_every(mix, target, times, 1_000);
    }

    fn add_requests_every(mix: &mut RequestMix, target: &str, times: u64, step_ms: i64) {
        for n in 0..times {
            let (method, target) = (Cow::Borrowed("GET"), Cow::Borrowed(target));
            mix.add(&LogEntry {
                at_ms: Some(1_795_824_000_000 + step_ms * n as i64),
                method,
                target,
                status: 200,
                client: None,
            });
        }
    }

    #[test]
    fn the_list_follows_popularity() {
        let paths = [("/a".to_owned(), 600), ("/b".to_owned(), 300), ("/c".to_owned(), 100)];
        let list = sample_by_popularity(&paths);
        let listed = |path: &str| list.iter().filter(|other| *other == path).count();
        assert_eq!((list.len(), listed("/a"), listed("/b"), listed("/c")), (200, 120, 60, 20));
        assert_eq!(sample_by_popularity(&[("/a".to_owned(), 1), ("/b".to_owned(), 1)]), ["/a", "/b"]);
    }

    #[test]
    fn groups_are_weighted_by_their_requests() {
        let mut mix = RequestMix::default();
        add_requests(&mut mix, "/books/1/", 30);
        add_requests(&mut mix, "/books/2/", 10);
        add_requests(&mut mix, "/", 20);
        add_requests(&mut mix, "/{odd}", 1);
        let (vars, steps) = mix.build_steps();
        assert_eq!((vars.len(), vars[0].name.as_str(), vars[0].list.len()), (1, "books", 40));
        let actual: Vec<(&str, &str, &str)> = steps
            .iter()
            .map(|step| (step.name.as_str(), step.path.as_str(), step.settings[0].1.as_str()))
            .collect();
        let expected =
            [("GET /books/<id>/", "{books}", "40"), ("GET /", "/", "20"), ("GET /{odd}", "/{{odd}}", "1")];
        assert_eq!(actual, expected);
    }

    #[test]
    fn many_templates_share_one_endpoint_and_weights_stay_in_bounds() {
        let mut mix = RequestMix::default();
        for n in 0..100 {
            let letters = [b'a' + n / 26, b'a' + n % 26].map(char::from);
            add_requests(&mut mix, &format!("/{}/", String::from_iter(letters)), 1);
        }
        mix.targets.insert("/hot".into(), 3_000_000_000);
        let (_, steps) = mix.build_steps();
        assert_eq!((steps.len(), steps[MAX_GROUPS - 1].name.as_str()), (MAX_GROUPS, "GET (other pages)"));
        assert_eq!(steps[0].settings[0].1, "1000000");
        assert!(steps.iter().all(|step| step.settings[0].1.parse::<u64>().is_ok_and(|weight| weight >= 1)));
    }

    #[test]
    fn mean_and_peak_rates_are_described() {
        let mut mix = RequestMix::default();
        add_requests(&mut mix, "/", 180);
        assert_eq!(
            mix.describe_rates().as_deref(),
            Some(
                "2026-11-28 00:00 to 2026-11-28 00:03 UTC: 1.00/s on average, 1.00/s in the busiest minute (2026-11-28 00:00)."
            )
        );
        assert_eq!(RequestMix::default().describe_rates(), None);
    }

    #[test]
    fn a_short_log_has_no_busiest_minute() {
        let rates = |step_ms, requests| {
            let mut mix = RequestMix::default();
            add_requests_every(&mut mix, "/", requests, step_ms);
            mix.describe_rates().expect("rates")
        };
        assert!(rates(5, 4_001).ends_with(" UTC: 200.00/s on average."), "{}", rates(5, 4_001));
        assert!(rates(1_000, 20).ends_with(" UTC: 1.00/s on average."), "{}", rates(1_000, 20));
        assert!(rates(5, 100).ends_with(" UTC: too short for a rate."), "{}", rates(5, 100));
        assert!(rates(5, 1).ends_with("too short for a rate."));
    }
}
