//! The file of a toggle as it is written, and what must hold of it.

use kneepoint_model::experiment::{Expected, Scale, Signal};
use serde::Deserialize;

use super::side::{RawSide, variant};
use super::{Comparison, Group, Need, Requests, Seed, Special, Test, Toggle, Variant, Visitors};
use crate::error::StackError;
use crate::topology::{Database, SharedCache};

/// Users where nothing is said: more than two cores can serve at once, so that queues form, and fewer than would only wait.
const USERS: u16 = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawToggle {
    group: Group,
    advice: String,
    seeds: Vec<Seed>,
    #[serde(default)]
    needs: Vec<Need>,
    special: Option<Special>,
    #[serde(default)]
    concurrency: bool,
    #[serde(default)]
    visitors_apart: bool,
    show: Option<RawShow>,
    #[serde(default)]
    both: RawSide,
    without: Option<RawSide>,
    with: Option<RawSide>,
    decides: Option<RawDecides>,
    #[serde(default)]
    expect: RawExpect,
    #[serde(default)]
    notes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShow {
    routes: Option<Vec<String>>,
    scenario: Option<String>,
    script: Option<String>,
    users: Option<u16>,
    rate: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDecides {
    signal: Signal,
    min_effect: f64,
    #[serde(default)]
    proofs: Vec<Signal>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawExpect {
    verdict: Expected,
    effect: Option<f64>,
    measured: Option<String>,
}

impl Default for RawExpect {
    fn default() -> Self {
        Self { verdict: Expected::Unknown, effect: None, measured: None }
    }
}

pub(super) fn read(name: &str, file: &str) -> Result<Toggle, StackError> {
    let bad = |why: String| StackError::BadToggle { name: name.to_owned(), why };
    let mut raw: RawToggle = toml::from_str(file).map_err(|error| bad(error.to_string()))?;
    if raw.advice.trim().is_empty() || raw.seeds.is_empty() {
        return Err(bad(
            "advice and seeds say what is advised and by whom; e.g. advice = \"…\", seeds = [\"004\"]"
                .to_owned(),
        ));
    }
    let test = match raw.special {
        Some(special) => {
            let more =
                raw.show.is_some() || raw.without.is_some() || raw.with.is_some() || raw.decides.is_some();
            if more {
                return Err(bad("a special experiment has no show, without, with or decides".to_owned()));
            }
            Test::Special(special)
        }
        None => Test::Pairs(Box::new(comparison(&mut raw).map_err(bad)?)),
    };
    if let Test::Pairs(comparison) = &test
        && let Some(need) = needed(comparison).into_iter().find(|need| !raw.needs.contains(need))
    {
        return Err(bad(format!(
            "it needs {} but does not say so: needs = [{:?}, …]",
            need.words(),
            key(need)
        )));
    }
    Ok(Toggle {
        name: name.to_owned(),
        group: raw.group,
        advice: raw.advice,
        seeds: raw.seeds,
        needs: raw.needs,
        test,
        expected: raw.expect.verdict,
        expected_effect: raw.expect.effect,
        measured: raw.expect.measured,
        notes: raw.notes,
    })
}

fn comparison(raw: &mut RawToggle) -> Result<Comparison, String> {
    let missing =
        |what: &str| format!("[{what}] is missing, and no special = \"…\" says that it is not wanted");
    let show = raw.show.take().ok_or_else(|| missing("show"))?;
    let decides = raw.decides.take().ok_or_else(|| missing("decides"))?;
    let (without, with) = (raw.without.take(), raw.with.take());
    let without = variant("without", &raw.both, without.ok_or_else(|| missing("without"))?)?;
    let with = variant("with", &raw.both, with.ok_or_else(|| missing("with"))?)?;
    if without.same_stack(&with) && without.connections == with.connections && without.warmed == with.warmed {
        return Err("without and with are the same".to_owned());
    }
    if !(decides.min_effect.is_finite() && decides.min_effect >= 0.0) {
        return Err(format!("min_effect = {} is no size; e.g. min_effect = 0.03", decides.min_effect));
    }
    if let Some(effect) = raw.expect.effect
        && decides.signal.scale() == Scale::Ratio
        && effect <= 0.0
    {
        return Err(format!("effect = {effect}: {} is compared by ratio (with / without)", decides.signal));
    }
    let (requests, visitors) = asked(show)?;
    Ok(Comparison {
        without,
        with,
        requests,
        visitors,
        signal: decides.signal,
        min_effect: decides.min_effect,
        proofs: decides.proofs,
        concurrency: raw.concurrency,
        visitors_apart: raw.visitors_apart,
    })
}

fn asked(show: RawShow) -> Result<(Requests, Visitors), String> {
    let requests = match (show.routes, show.scenario, show.script) {
        (Some(routes), None, None) => {
            if routes.is_empty() || routes.iter().any(|route| !route.starts_with('/')) {
                return Err("routes are paths on the site; e.g. routes = [\"/catalogue/?page=3\"]".to_owned());
            }
            Requests::Routes(routes)
        }
        (None, Some(name), None) => Requests::Scenario(name),
        (None, None, Some(text)) => Requests::Script(text),
        _ => return Err("[show] has one of routes, scenario and script".to_owned()),
    };
    let visitors = match (show.users, show.rate) {
        (None, None) => Visitors::Users(USERS),
        (Some(users @ 1..=64), None) => Visitors::Users(users),
        (None, Some(rate)) if rate > 0.0 && rate <= 1_000.0 => Visitors::Rate(rate),
        _ => {
            return Err(
                "[show] has users (1 to 64) or rate (per second, at most 1000); e.g. users = 4".to_owned()
            );
        }
    };
    Ok((requests, visitors))
}

/// What the two stacks cannot stand without.
fn needed(comparison: &Comparison) -> Vec<Need> {
    let mut needs = Vec::new();
    for Variant { topology, .. } in [&comparison.without, &comparison.with] {
        let tiers = [
            (topology.proxy.is_some(), Need::Nginx),
            (topology.db == Some(Database::Mysql), Need::Mysql),
            (topology.cache == Some(SharedCache::Redis) || topology.queue, Need::Redis),
            (topology.cache == Some(SharedCache::Memcached), Need::Memcached),
            (topology.queue, Need::Queue),
            (topology.objects, Need::Objects),
            (topology.servers.get() > 1, Need::Servers),
            (topology.balancer.is_some(), Need::Haproxy),
        ];
        needs.extend(tiers.into_iter().filter(|(there, _)| *there).map(|(_, need)| need));
    }
    needs.dedup();
    needs
}

fn key(need: Need) -> String {
    serde_json::to_value(need).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
