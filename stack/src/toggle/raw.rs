//! The format of a toggle file and its validation.

use kneepoint_model::experiment::{Expected, Scale, Signal};
use serde::Deserialize;

use super::side::{RawSide, build_variant};
use super::{
    Comparison, Need, OfferedLoad, Requests, SeedDocument, Special, Test, Toggle, ToggleGroup, Variant,
};
use crate::error::StackError;
use crate::topology::{Database, SharedCache};

/// Users by default: more than two cores can serve at once, so that queues form, but not so many that most only wait.
const DEFAULT_USERS: u16 = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawToggle {
    group: ToggleGroup,
    advice: String,
    seeds: Vec<SeedDocument>,
    #[serde(default)]
    needs: Vec<Need>,
    special: Option<Special>,
    #[serde(default)]
    concurrency: bool,
    #[serde(default)]
    user_isolation: bool,
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

pub(super) fn parse_toggle(name: &str, file: &str) -> Result<Toggle, StackError> {
    let bad = |why: String| StackError::BadToggle { name: name.to_owned(), why };
    let mut raw: RawToggle = toml::from_str(file).map_err(|error| bad(error.to_string()))?;
    if raw.advice.trim().is_empty() || raw.seeds.is_empty() {
        return Err(bad("advice and seeds are required; e.g. advice = \"…\", seeds = [\"004\"]".to_owned()));
    }
    let test = match raw.special {
        Some(special) => {
            let has_comparison =
                raw.show.is_some() || raw.without.is_some() || raw.with.is_some() || raw.decides.is_some();
            if has_comparison {
                return Err(bad(
                    "with special = \"…\", show, without, with and decides are not allowed".to_owned()
                ));
            }
            Test::Special(special)
        }
        None => Test::Pairs(Box::new(build_comparison(&mut raw).map_err(bad)?)),
    };
    if let Test::Pairs(comparison) = &test
        && let Some(need) = required_needs(comparison).into_iter().find(|need| !raw.needs.contains(need))
    {
        return Err(bad(format!(
            "it needs {} but does not list it; add it: needs = [{:?}, …]",
            need.label(),
            toml_name(need)
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

fn build_comparison(raw: &mut RawToggle) -> Result<Comparison, String> {
    let missing = |what: &str| format!("[{what}] is missing; it may only be absent with special = \"…\"");
    let show = raw.show.take().ok_or_else(|| missing("show"))?;
    let decides = raw.decides.take().ok_or_else(|| missing("decides"))?;
    let (without, with) = (raw.without.take(), raw.with.take());
    let without = build_variant("without", &raw.both, without.ok_or_else(|| missing("without"))?)?;
    let with = build_variant("with", &raw.both, with.ok_or_else(|| missing("with"))?)?;
    if without.same_stack(&with) && without.connections == with.connections && without.warmed == with.warmed {
        return Err("without and with are the same".to_owned());
    }
    if !(decides.min_effect.is_finite() && decides.min_effect >= 0.0) {
        return Err(format!(
            "min_effect = {} is not a valid effect; e.g. min_effect = 0.03",
            decides.min_effect
        ));
    }
    if let Some(effect) = raw.expect.effect
        && decides.signal.scale() == Scale::Ratio
        && effect <= 0.0
    {
        return Err(format!("effect = {effect}: {} is compared by ratio (with / without)", decides.signal));
    }
    let (requests, load) = requests_and_load(show)?;
    Ok(Comparison {
        without,
        with,
        requests,
        load,
        signal: decides.signal,
        min_effect: decides.min_effect,
        proofs: decides.proofs,
        concurrency: raw.concurrency,
        user_isolation: raw.user_isolation,
    })
}

fn requests_and_load(show: RawShow) -> Result<(Requests, OfferedLoad), String> {
    let requests = match (show.routes, show.scenario, show.script) {
        (Some(routes), None, None) => {
            if routes.is_empty() || routes.iter().any(|route| !route.starts_with('/')) {
                return Err("routes are paths on the site; e.g. routes = [\"/catalogue/?page=3\"]".to_owned());
            }
            Requests::Routes(routes)
        }
        (None, Some(name), None) => Requests::Scenario(name),
        (None, None, Some(text)) => Requests::Script(text),
        _ => return Err("[show] must contain exactly one of routes, scenario and script".to_owned()),
    };
    let load = match (show.users, show.rate) {
        (None, None) => OfferedLoad::Users(DEFAULT_USERS),
        (Some(users @ 1..=64), None) => OfferedLoad::Users(users),
        (None, Some(rate)) if rate > 0.0 && rate <= 1_000.0 => OfferedLoad::Rate(rate),
        _ => {
            return Err(
                "[show] must contain users (1 to 64) or rate (per second, at most 1000); e.g. users = 4"
                    .to_owned(),
            );
        }
    };
    Ok((requests, load))
}

/// What the two stacks require.
fn required_needs(comparison: &Comparison) -> Vec<Need> {
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

fn toml_name(need: Need) -> String {
    serde_json::to_value(need).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
