//! Counters of database and cache servers, as the rules use them.
//!
//! Counters of statements and locks come from valid phases, the main phase first. Refused connections and deadlocks
//! explain why a phase is invalid, so for them every measured phase counts.

use kneepoint_model::db::{CacheWindow, DatabaseWindow, DbWindow, DigestDelta};
use kneepoint_model::finding::{Evidence, Saving};
use kneepoint_model::load::LoadPhase;
use kneepoint_model::run::names;
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Micros;

use super::context::evidence;
use super::sql::{ParsedStatement, parse};
use super::text::MAX_QUOTED;
use super::{Context, RuleOutcome};

/// Minimum number of executions of a statement for a rule.
pub(super) const MIN_EXECUTIONS: u64 = 5;
/// Share of requests at the edges of a window above which there is no figure per request.
pub(super) const MAX_UNCERTAIN_SHARE: f64 = 0.1;

/// The isolation level at which plain reads lock rows.
pub(super) const SERIALIZABLE: &str = "SERIALIZABLE";

/// Counters of one database server over one phase.
#[derive(Debug, Clone, Copy)]
pub(super) struct DbObservation<'a> {
    /// The phase of load.
    pub(super) phase: &'a LoadPhase,
    /// All counters of the phase.
    pub(super) window: &'a DbWindow,
    /// Counters of this server.
    pub(super) database: &'a DatabaseWindow,
}

impl<'a> DbObservation<'a> {
    /// The observations of all servers over a phase, in order.
    fn in_phase(context: &Context<'a>, phase: &'a LoadPhase) -> impl Iterator<Item = Self> + use<'a> {
        let window = context.facts.db.get(&phase.name);
        let all = window.into_iter().flat_map(|window| window.databases.iter().map(move |one| (window, one)));
        all.map(move |(window, database)| Self { phase, window, database })
    }

    /// The file that contains the counters.
    pub(super) fn source(&self) -> String {
        names::db(&self.phase.name)
    }

    /// Evidence from this file.
    pub(super) fn evidence(&self, text: String) -> Evidence {
        evidence(text, self.source())
    }

    /// A count of the window, per second.
    pub(super) fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.window.seconds().max(1e-3)
    }

    /// A count of the window, per request; `None` when too many requests lie at its edges.
    pub(super) fn per_request(&self, count: u64) -> Option<f64> {
        let requests = self.window.requests;
        let certain = requests.uncertain as f64 <= requests.counted as f64 * MAX_UNCERTAIN_SHARE;
        self.window.per_request(count).filter(|_| certain)
    }

    /// The saving when each execution of a statement takes `ms_each` less.
    pub(super) fn saving(&self, digest: &DigestDelta, ms_each: f64, basis: String) -> Option<Saving> {
        (ms_each.is_finite() && ms_each > 0.0).then(|| Saving {
            ms_per_request: ms_each,
            requests_per_second: self.per_second(digest.sums.count),
            basis,
        })
    }
}

/// Every server over every valid phase, the main phase first.
pub(super) fn in_valid_phases<'a>(context: &Context<'a>) -> Vec<DbObservation<'a>> {
    let main = context.main_phase();
    let others = context.valid_phases().filter(|phase| main.is_none_or(|main| main.name != phase.name));
    main.into_iter().chain(others).flat_map(|phase| DbObservation::in_phase(context, phase)).collect()
}

/// Every server over every measured phase, valid or not.
pub(super) fn in_all_phases<'a>(context: &Context<'a>) -> Vec<DbObservation<'a>> {
    context.facts.measured_phases().flat_map(|phase| DbObservation::in_phase(context, phase)).collect()
}

/// The servers that counted statements, in the first valid phase in which one did; else the outcome of the rule.
pub(super) fn with_statements<'a>(context: &Context<'a>) -> Result<Vec<DbObservation<'a>>, RuleOutcome> {
    let observed = in_valid_phases(context);
    let known: Vec<DbObservation<'a>> =
        observed.iter().filter(|one| one.database.statements_known).copied().collect();
    let Some(first) = known.first().map(|one| one.phase.name.clone()) else {
        return Err(if observed.is_empty() {
            missing_counters(context)
        } else {
            RuleOutcome::inconclusive(
                "the database does not count its statements: switch `performance_schema` on",
            )
        });
    };
    Ok(known.into_iter().filter(|one| one.phase.name == first).collect())
}

/// The outcome of a rule when no database server has counters in a valid phase.
pub(super) fn missing_counters(context: &Context<'_>) -> RuleOutcome {
    if context.facts.db.values().any(|window| !window.databases.is_empty()) {
        RuleOutcome::inconclusive(
            "the database has counters, but no load phase is valid and has enough requests",
        )
    } else {
        RuleOutcome::not_applicable(
            "no database server with counters (MySQL, MariaDB; SQLite has none) is part of the stack",
        )
    }
}

/// The outcome of a rule when no cache server has counters in a valid phase.
pub(super) fn missing_cache_counters(context: &Context<'_>) -> RuleOutcome {
    let mut caches = context.facts.db.values().flat_map(|window| &window.caches);
    if caches.any(|cache| cache.tier == Tier::Cache) {
        RuleOutcome::inconclusive(
            "the cache has counters, but no load phase is valid and has enough requests",
        )
    } else {
        RuleOutcome::not_applicable("no cache server with counters (Redis or Memcached) is part of the stack")
    }
}

/// The isolation level of the site's sessions in capitals: from the site's toggle, else the server's default.
pub(super) fn isolation_level(context: &Context<'_>, database: &DatabaseWindow) -> Option<String> {
    let toggle = context.facts.stack.as_ref().and_then(|stack| stack.toggles.get("KP_ISOLATION"));
    let level =
        toggle.filter(|toggle| !toggle.is_empty()).or(database.settings.transaction_isolation.as_ref())?;
    Some(single_line(level, MAX_QUOTED).to_ascii_uppercase().replace(['-', '_'], " "))
}

/// The cache servers over a phase; the Redis of a task queue does not count.
pub(super) fn caches<'a>(context: &Context<'a>, phase: &LoadPhase) -> impl Iterator<Item = &'a CacheWindow> {
    let window = context.facts.db.get(&phase.name);
    window.into_iter().flat_map(|window| &window.caches).filter(|cache| cache.tier == Tier::Cache)
}

/// Parses the text of a digest; a complete sample replaces a truncated text.
pub(super) fn parse_digest(digest: &DigestDelta) -> ParsedStatement {
    let sample = digest.sample.as_ref().filter(|sample| digest.text_cut && !sample.text_cut);
    parse(sample.map_or(digest.text.as_str(), |sample| sample.text.as_str()))
}

/// The route named in the sample of a digest.
pub(super) fn route_of(digest: &DigestDelta) -> Option<String> {
    digest.sample.as_ref()?.route.clone().filter(|route| !route.is_empty())
}

/// Milliseconds of an execution by the server-side timer, without waiting for locks.
pub(super) fn work_ms(digest: &DigestDelta) -> f64 {
    let sums = &digest.sums;
    Micros(sums.timer_us.get().saturating_sub(sums.lock_us.get())).as_millis() / sums.count.max(1) as f64
}

/// Number of executions and time of each, as a text for evidence.
pub(super) fn describe_cost(observed: &DbObservation<'_>, digest: &DigestDelta) -> String {
    let sums = &digest.sums;
    let per_request =
        observed.per_request(sums.count).map_or_else(String::new, |per| format!(", {per:.2} per request"));
    let cpu = sums.cpu_us.map_or_else(String::new, |cpu| {
        format!(", of which {:.2} ms CPU", cpu.as_millis() / sums.count.max(1) as f64)
    });
    let mean = sums.mean_us().unwrap_or_default().as_millis();
    format!(
        "in the {} phase it ran {} times{per_request}, {mean:.2} ms each by the server-side timer{cpu}",
        observed.phase.name, sums.count
    )
}
