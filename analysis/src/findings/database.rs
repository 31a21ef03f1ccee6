//! What the databases and caches counted themselves, as the rules look at it.
//!
//! Counters of statements and locks are taken from phases that may be believed, the main phase first. Refused connections
//! and deadlocks explain why a phase cannot be believed, so for them every measured phase counts.

use kneepoint_model::db::{CacheWindow, DatabaseWindow, DbWindow, DigestDelta};
use kneepoint_model::finding::{Evidence, Saving};
use kneepoint_model::load::LoadPhase;
use kneepoint_model::run::names;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Micros;

use super::context::evidence;
use super::sql::{Reading, read};
use super::text::clip;
use super::{Context, Judgement};

/// Fewest executions of a statement on which a rule judges.
pub(super) const MIN_EXECUTIONS: u64 = 5;
/// Share of requests of which the counters may be unsure before no figure per request is made of them.
pub(super) const UNCERTAIN_MOST: f64 = 0.1;

/// The level at which plain reads lock rows.
pub(super) const SERIALIZABLE: &str = "SERIALIZABLE";

/// One database server over one phase.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    /// The phase.
    pub(super) phase: &'a LoadPhase,
    /// All that was counted in it.
    pub(super) window: &'a DbWindow,
    /// The server.
    pub(super) database: &'a DatabaseWindow,
}

impl<'a> Seen<'a> {
    /// Of all servers over a phase, in order.
    fn of(context: &Context<'a>, phase: &'a LoadPhase) -> impl Iterator<Item = Self> + use<'a> {
        let window = context.facts.db.get(&phase.name);
        let all = window.into_iter().flat_map(|window| window.databases.iter().map(move |one| (window, one)));
        all.map(move |(window, database)| Self { phase, window, database })
    }

    /// The file that holds the figures.
    pub(super) fn source(&self) -> String {
        names::db(&self.phase.name)
    }

    /// A piece of evidence out of it.
    pub(super) fn says(&self, text: String) -> Evidence {
        evidence(text, self.source())
    }

    /// A count of the window, each second.
    pub(super) fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.window.seconds().max(1e-3)
    }

    /// A count of the window per request; `None` where too many requests lie on its edges.
    pub(super) fn per_request(&self, count: u64) -> Option<f64> {
        let requests = self.window.requests;
        let sure = requests.uncertain as f64 <= requests.counted as f64 * UNCERTAIN_MOST;
        self.window.per_request(count).filter(|_| sure)
    }

    /// What is saved when each execution of a statement takes so much less of the database's own time.
    pub(super) fn saving(&self, digest: &DigestDelta, ms_each: f64, basis: String) -> Option<Saving> {
        (ms_each.is_finite() && ms_each > 0.0).then(|| Saving {
            ms_per_request: ms_each,
            requests_per_second: self.per_second(digest.sums.count),
            basis,
        })
    }
}

/// Every server over every believed phase, the main phase first.
pub(super) fn believed<'a>(context: &Context<'a>) -> Vec<Seen<'a>> {
    let main = context.main_phase();
    let others = context.believed().filter(|phase| main.is_none_or(|main| main.name != phase.name));
    main.into_iter().chain(others).flat_map(|phase| Seen::of(context, phase)).collect()
}

/// Every server over every measured phase, whether it may be believed or not.
pub(super) fn all<'a>(context: &Context<'a>) -> Vec<Seen<'a>> {
    context.facts.measured_phases().flat_map(|phase| Seen::of(context, phase)).collect()
}

/// The servers that counted statements, over the first believed phase in which one did; else why there is none.
pub(super) fn counted<'a>(context: &Context<'a>) -> Result<Vec<Seen<'a>>, Judgement> {
    let seen = believed(context);
    let known: Vec<Seen<'a>> = seen.iter().filter(|one| one.database.statements_known).copied().collect();
    let Some(first) = known.first().map(|one| one.phase.name.clone()) else {
        return Err(Judgement::not_judged(if seen.is_empty() {
            nothing(context)
        } else {
            "the database does not count its statements: switch `performance_schema` on"
        }));
    };
    Ok(known.into_iter().filter(|one| one.phase.name == first).collect())
}

/// Why no database server said anything.
pub(super) fn nothing(context: &Context<'_>) -> &'static str {
    if context.facts.db.values().any(|window| !window.databases.is_empty()) {
        "the database was asked, but no phase of load may be believed and has enough requests"
    } else {
        "no database server was asked what it counted (SQLite counts nothing; MySQL and MariaDB do)"
    }
}

/// The level of the site's sessions: its toggle switch where it has one, else the server's default; in capitals.
pub(super) fn isolation_level(context: &Context<'_>, database: &DatabaseWindow) -> Option<String> {
    let toggle = context.facts.stack.as_ref().and_then(|stack| stack.toggles.get("KP_ISOLATION"));
    let level = toggle.filter(|toggle| !toggle.is_empty()).or(database.settings.transaction_isolation.as_ref())?;
    Some(clip(level).to_ascii_uppercase().replace(['-', '_'], " "))
}

/// The cache servers over a phase; a queue's Redis is none.
pub(super) fn caches<'a>(context: &Context<'a>, phase: &LoadPhase) -> impl Iterator<Item = &'a CacheWindow> {
    let window = context.facts.db.get(&phase.name);
    window.into_iter().flat_map(|window| &window.caches).filter(|cache| cache.tier == Tier::Cache)
}

/// What a digest's text says; the kept sample stands in where the text is cut.
pub(super) fn reading(digest: &DigestDelta) -> Reading {
    let sample = digest.sample.as_ref().filter(|sample| digest.text_cut && !sample.text_cut);
    read(sample.map_or(digest.text.as_str(), |sample| sample.text.as_str()))
}

/// The route that a digest's sample names.
pub(super) fn route(digest: &DigestDelta) -> Option<String> {
    digest.sample.as_ref()?.route.clone().filter(|route| !route.is_empty())
}

/// Milliseconds of the server's own time without waiting for locks, each execution.
pub(super) fn work_ms(digest: &DigestDelta) -> f64 {
    let sums = &digest.sums;
    Micros(sums.timer_us.get().saturating_sub(sums.lock_us.get())).as_millis() / sums.count.max(1) as f64
}

/// How often and how long, in words.
pub(super) fn cost(seen: &Seen<'_>, digest: &DigestDelta) -> String {
    let sums = &digest.sums;
    let per_request =
        seen.per_request(sums.count).map_or_else(String::new, |per| format!(", {per:.2} a request"));
    let cpu = sums.cpu_us.map_or_else(String::new, |cpu| {
        format!(", of which {:.2} ms CPU", cpu.as_millis() / sums.count.max(1) as f64)
    });
    let mean = sums.mean_us().unwrap_or_default().as_millis();
    format!(
        "in the {} phase it ran {} times{per_request}, {mean:.2} ms each by the database's own timer{cpu}",
        seen.phase.name, sums.count
    )
}
