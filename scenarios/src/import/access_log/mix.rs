//! What is asked for and how often, summed up in bounded memory, and made into steps.

use std::collections::{BTreeMap, HashMap};

use super::entry::Entry;
use super::time::minute;
use crate::import::draft::{DraftStep, DraftVar, literal, placeholder};
use crate::shape::shape;

/// Addresses that are told apart; of those beyond only the group is counted.
const MOST_TARGETS: usize = 200_000;
/// More groups than this share one endpoint, so that the file stays readable.
const MOST_GROUPS: usize = 24;
/// Addresses in the list of a group.
const MOST_LISTED: u64 = 200;
/// Largest weight of a step.
const MOST_WEIGHT: u64 = 1_000_000;

const POPULAR: &str =
    "An address stands here as often as it is popular: half of the list is half of the requests of its step.";

/// Sums over a log.
#[derive(Debug, Default)]
pub(super) struct Mix {
    targets: HashMap<Box<str>, u64>,
    /// Of groups whose addresses were too many.
    beyond: BTreeMap<String, u64>,
    minutes: BTreeMap<i64, u64>,
    times: Option<Times>,
}

/// From the first to the last request.
#[derive(Debug, Clone, Copy)]
struct Times {
    first_ms: i64,
    last_ms: i64,
    /// The log tells whole seconds only.
    is_coarse: bool,
}

impl Times {
    fn with(self, at_ms: i64) -> Self {
        Self {
            first_ms: self.first_ms.min(at_ms),
            last_ms: self.last_ms.max(at_ms),
            is_coarse: self.is_coarse && at_ms % 1_000 == 0,
        }
    }

    /// Requests per second of so many; `None` when the log is too short to tell.
    fn rate(self, requests: u64) -> Option<f64> {
        let ms = self.last_ms - self.first_ms;
        // The last second of a log of whole seconds has its requests within it; otherwise they are the ends of what is between.
        let (requests, ms) =
            if self.is_coarse { (requests, ms + 1_000) } else { (requests.saturating_sub(1), ms) };
        (ms > 1_000).then(|| requests as f64 * 1_000.0 / ms as f64)
    }

    /// Long enough to have a minute of the clock from its beginning to its end.
    fn has_a_minute(self) -> bool {
        self.last_ms - self.first_ms >= 119_000
    }
}

/// Addresses of one shape, the most popular first.
struct Group {
    name: String,
    paths: Vec<(String, u64)>,
    requests: u64,
}

impl Mix {
    /// Adds a request that has passed the sieve.
    pub(super) fn add(&mut self, entry: &Entry<'_>) {
        let target = &*entry.target;
        if let Some(at) = entry.at_ms {
            *self.minutes.entry(at.div_euclid(60_000)).or_default() += 1;
            let first = Times { first_ms: at, last_ms: at, is_coarse: true };
            self.times = Some(self.times.unwrap_or(first).with(at));
        }
        if let Some(count) = self.targets.get_mut(target) {
            *count += 1;
        } else if self.targets.len() < MOST_TARGETS {
            self.targets.insert(target.into(), 1);
        } else {
            *self.beyond.entry(shape(target)).or_default() += 1;
        }
    }

    /// How many came at a time: what the rate of a load could be.
    pub(super) fn pace(&self) -> Option<String> {
        let (first, last) = (self.minutes.first_key_value()?, self.minutes.last_key_value()?);
        let (busiest, most) = self.minutes.iter().max_by_key(|(at, count)| (**count, -**at))?;
        let times = self.times?;
        let rate = match times.rate(self.minutes.values().sum()) {
            Some(rate) => format!("{rate:.2}/s on average"),
            None => "too short to tell a rate".to_owned(),
        };
        let minutes = if times.has_a_minute() {
            format!(", {:.2}/s in the busiest minute ({})", *most as f64 / 60.0, minute(busiest * 60))
        } else {
            String::new()
        };
        Some(format!("{} to {} UTC: {rate}{minutes}.", minute(first.0 * 60), minute(last.0 * 60 + 60)))
    }

    fn groups(&self) -> Vec<Group> {
        let mut by_shape: BTreeMap<String, Group> = BTreeMap::new();
        let empty = |name: &str| Group { name: format!("GET {name}"), paths: Vec::new(), requests: 0 };
        for (target, count) in &self.targets {
            let shape = shape(target);
            let group = by_shape.entry(shape).or_insert_with_key(|shape| empty(shape));
            group.requests += count;
            group.paths.push((target.to_string(), *count));
        }
        for (shape, count) in &self.beyond {
            // A shape of which no address was kept has nothing to ask for.
            if let Some(group) = by_shape.get_mut(shape) {
                group.requests += count;
            }
        }
        let mut groups: Vec<Group> = by_shape.into_values().collect();
        groups.sort_by(|a, b| b.requests.cmp(&a.requests).then_with(|| a.name.cmp(&b.name)));
        if groups.len() > MOST_GROUPS {
            let others = groups.split_off(MOST_GROUPS - 1);
            let requests = others.iter().map(|group| group.requests).sum();
            let paths = others.into_iter().flat_map(|group| group.paths).collect();
            groups.push(Group { name: "GET (other pages)".to_owned(), paths, requests });
        }
        for group in &mut groups {
            group.paths.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        }
        groups
    }

    /// A step for each shape, weighted by its requests, with the addresses that it asks for.
    pub(super) fn steps(&self) -> (Vec<DraftVar>, Vec<DraftStep>) {
        let groups = self.groups();
        let heaviest = groups.first().map_or(1, |group| group.requests);
        let (mut vars, mut steps) = (Vec::<DraftVar>::new(), Vec::new());
        for group in groups {
            let path = match group.paths.as_slice() {
                [(only, _)] => literal(only),
                paths => {
                    let taken: Vec<&str> = vars.iter().map(|var| var.name.as_str()).collect();
                    let name = placeholder(group.name.trim_start_matches("GET "), &taken);
                    let path = format!("{{{name}}}");
                    vars.push(DraftVar { remark: POPULAR, name, list: popular(paths), pick: "every-time" });
                    path
                }
            };
            // In steps of the heaviest, where there are more requests than a weight can say.
            let scale = (heaviest as f64 / MOST_WEIGHT as f64).max(1.0);
            let weight = ((group.requests as f64 / scale).round() as u64).max(1);
            let name: String = group.name.chars().take(120).collect();
            let settings = vec![("weight".to_owned(), weight.to_string())];
            steps.push(DraftStep { name, method: "GET".to_owned(), path, settings, ..DraftStep::default() });
        }
        (vars, steps)
    }
}

/// Addresses by popularity: a systematic sample of the requests, every n-th of them in the order of popularity, so that one
/// that has a third of the requests has a third of the list.
fn popular(paths: &[(String, u64)]) -> Vec<String> {
    let total: u64 = paths.iter().map(|(_, count)| count).sum();
    let listed = total.min(MOST_LISTED);
    let mut list = Vec::new();
    let mut reached = 0;
    for (path, count) in paths {
        reached += count;
        // The k-th sample is the request at (k + 1/2) / listed of all.
        while (list.len() as u64 * 2 + 1) * total <= reached * 2 * listed && (list.len() as u64) < listed {
            list.push(path.clone());
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn asked(mix: &mut Mix, target: &str, times: u64) {
        asked_every(mix, target, times, 1_000);
    }

    fn asked_every(mix: &mut Mix, target: &str, times: u64, step_ms: i64) {
        for n in 0..times {
            let (method, target) = (Cow::Borrowed("GET"), Cow::Borrowed(target));
            mix.add(&Entry {
                at_ms: Some(1_795_824_000_000 + step_ms * n as i64),
                method,
                target,
                status: 200,
                client: None,
            });
        }
    }

    #[test]
    fn popularity_is_kept() {
        let paths = [("/a".to_owned(), 600), ("/b".to_owned(), 300), ("/c".to_owned(), 100)];
        let list = popular(&paths);
        let of = |path: &str| list.iter().filter(|listed| *listed == path).count();
        assert_eq!((list.len(), of("/a"), of("/b"), of("/c")), (200, 120, 60, 20));
        assert_eq!(popular(&[("/a".to_owned(), 1), ("/b".to_owned(), 1)]), ["/a", "/b"]);
    }

    #[test]
    fn groups_weigh_what_they_are_asked_for() {
        let mut mix = Mix::default();
        asked(&mut mix, "/books/1/", 30);
        asked(&mut mix, "/books/2/", 10);
        asked(&mut mix, "/", 20);
        asked(&mut mix, "/{odd}", 1);
        let (vars, steps) = mix.steps();
        assert_eq!((vars.len(), vars[0].name.as_str(), vars[0].list.len()), (1, "books", 40));
        let seen: Vec<(&str, &str, &str)> = steps
            .iter()
            .map(|step| (step.name.as_str(), step.path.as_str(), step.settings[0].1.as_str()))
            .collect();
        let wanted =
            [("GET /books/<id>/", "{books}", "40"), ("GET /", "/", "20"), ("GET /{odd}", "/{{odd}}", "1")];
        assert_eq!(seen, wanted);
    }

    #[test]
    fn many_shapes_share_one_endpoint_and_weights_stay_in_bounds() {
        let mut mix = Mix::default();
        for n in 0..100 {
            let letters = [b'a' + n / 26, b'a' + n % 26].map(char::from);
            asked(&mut mix, &format!("/{}/", String::from_iter(letters)), 1);
        }
        mix.targets.insert("/hot".into(), 3_000_000_000);
        let (_, steps) = mix.steps();
        assert_eq!((steps.len(), steps[MOST_GROUPS - 1].name.as_str()), (MOST_GROUPS, "GET (other pages)"));
        assert_eq!(steps[0].settings[0].1, "1000000");
        assert!(steps.iter().all(|step| step.settings[0].1.parse::<u64>().is_ok_and(|weight| weight >= 1)));
    }

    #[test]
    fn the_pace_is_said() {
        let mut mix = Mix::default();
        asked(&mut mix, "/", 180);
        assert_eq!(
            mix.pace().as_deref(),
            Some(
                "2026-11-28 00:00 to 2026-11-28 00:03 UTC: 1.00/s on average, 1.00/s in the busiest minute (2026-11-28 00:00)."
            )
        );
        assert_eq!(Mix::default().pace(), None);
    }

    #[test]
    fn a_short_log_is_not_taken_for_a_whole_minute() {
        let pace = |step_ms, requests| {
            let mut mix = Mix::default();
            asked_every(&mut mix, "/", requests, step_ms);
            mix.pace().expect("a pace")
        };
        assert!(pace(5, 4_001).ends_with(" UTC: 200.00/s on average."), "{}", pace(5, 4_001));
        assert!(pace(1_000, 20).ends_with(" UTC: 1.00/s on average."), "{}", pace(1_000, 20));
        assert!(pace(5, 100).ends_with(" UTC: too short to tell a rate."), "{}", pace(5, 100));
        assert!(pace(5, 1).ends_with("too short to tell a rate."));
    }
}
