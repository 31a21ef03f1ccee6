//! One database server: what is known of it, its readings before and after, its gauges.

use std::collections::BTreeSet;
use std::time::Instant;

use kneepoint_model::db::{DatabaseWindow, DbKind};
use kneepoint_model::sample::DbGauge;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Micros;
use kneepoint_model::unmeasured::Unmeasured;

use super::digests::{self, CPU, Digests, OWN_SCHEMA, Ran};
use super::errors::{self, Errors};
use super::explain::{Where, explain_heaviest};
use super::session::Session;
use super::settings::{self, Known};
use super::status::{self, Own, Peaks, Status};
use crate::store::Gap;
use crate::store::cache::not_begun;
use crate::store::plan::Secret;

/// What the digest table can say here; absent where it says nothing.
#[derive(Debug, Clone, Default)]
struct Digesting {
    columns: BTreeSet<String>,
    cpu: bool,
}

/// All counters at one moment.
#[derive(Debug, Clone, Default)]
struct Reading {
    digests: Option<Digests>,
    status: Status,
    errors: Errors,
    locks: Option<Status>,
    own: Own,
}

/// One database server, asked over one connection.
#[derive(Debug)]
pub(in crate::store) struct MysqlStore {
    pub(in crate::store) tier: Tier,
    pub(in crate::store) address: String,
    user: String,
    schema: String,
    password: Option<Secret>,
    session: Session,
    known: Option<(Known, Option<Digesting>)>,
    /// What cannot be had here, found out once.
    gaps: BTreeSet<Unmeasured>,
    before: Option<Reading>,
    last: Option<(Instant, Status, Own)>,
    peaks: Peaks,
    throw_away: bool,
}

impl MysqlStore {
    pub(in crate::store) fn new(
        tier: Tier,
        (address, user, schema): (&str, &str, &str),
        password: Option<Secret>,
        throw_away: bool,
    ) -> Result<Self, Gap> {
        let session = Session::new(address, user, password.as_ref(), OWN_SCHEMA)?;
        Ok(Self {
            tier,
            address: address.to_owned(),
            user: user.to_owned(),
            schema: schema.to_owned(),
            password,
            session,
            known: None,
            gaps: BTreeSet::new(),
            before: None,
            last: None,
            peaks: Peaks::default(),
            throw_away,
        })
    }

    /// Finds out once what can be had, and on a throw-away stack switches on what is off.
    pub(in crate::store) fn prepare(&mut self) -> Result<(), Gap> {
        if self.known.is_some() {
            return Ok(());
        }
        let known = settings::known(&self.session.ask(settings::VARIABLES)?);
        let digesting = match self.digesting(&known) {
            Ok(digesting) => Some(digesting),
            Err(gap) => {
                let what =
                    format!("statements by digest in {} at {}", known.server.kind.name(), self.address);
                self.gaps.insert(gap.of(what));
                None
            }
        };
        self.known = Some((known, digesting));
        Ok(())
    }

    fn digesting(&mut self, known: &Known) -> Result<Digesting, Gap> {
        let on = "start the server with performance_schema=ON: it cannot be switched on while it runs";
        if !known.performance_schema {
            let why = match known.server.kind {
                DbKind::Mariadb => "performance_schema is off, as it is in MariaDB by default",
                DbKind::Mysql => "performance_schema is off",
            };
            return Err(Gap::new(why, on));
        }
        let consumers = self.session.ask(settings::CONSUMERS)?;
        if settings::consumer(&consumers, "statements_digest") == Some(false) {
            let fix = "UPDATE performance_schema.setup_consumers SET ENABLED = 'YES' WHERE NAME = 'statements_digest'";
            return Err(Gap::new("the consumer `statements_digest` is off", fix));
        }
        let columns = settings::columns(&self.session.ask(settings::COLUMNS)?);
        let mut cpu = settings::consumer(&consumers, "events_statements_cpu").unwrap_or(false);
        if !cpu && self.throw_away && columns.contains(CPU) {
            cpu = self.session.ask(settings::COUNT_CPU).is_ok();
        }
        if !cpu {
            let gap = if columns.contains(CPU) {
                Gap::new("the consumer `events_statements_cpu` is off", settings::COUNT_CPU)
            } else {
                Gap::new("this version does not count it", "use MySQL 8.0.28 or later")
            };
            self.gaps.insert(gap.of(format!("CPU time of each statement at {}", self.address)));
        }
        Ok(Digesting { columns, cpu })
    }

    fn own(&self) -> Own {
        Own { questions: self.session.own_questions, connections: self.session.own_connections }
    }

    /// The gauges since they were last asked; `None` the first time.
    pub(in crate::store) fn gauge(&mut self) -> Result<Option<DbGauge>, Gap> {
        let now = status::status(&self.session.ask(status::GAUGES)?);
        let (at, own) = (Instant::now(), self.own());
        let of = |name| status::of(&now, name);
        // The thread that answers runs, and its connection is open.
        let running = of("Threads_running").saturating_sub(1);
        let connected = of("Threads_connected").saturating_sub(1);
        let waiting = of("Innodb_row_lock_current_waits");
        for (peak, value) in [
            (&mut self.peaks.running, running),
            (&mut self.peaks.connected, connected),
            (&mut self.peaks.waiting, waiting),
        ] {
            *peak = Some(peak.unwrap_or_default().max(value));
        }
        let last = self.last.replace((at, now.clone(), own));
        Ok(last.map(|(then, before, own_before)| {
            let grown = |name| of(name).saturating_sub(status::of(&before, name));
            DbGauge {
                tier: self.tier,
                since_us: Micros::from_duration(at - then),
                threads_running: running,
                threads_connected: connected,
                questions: grown("Questions").saturating_sub(own.questions - own_before.questions),
                row_lock_waits: grown("Innodb_row_lock_waits"),
                row_locks_waiting: waiting,
            }
        }))
    }

    fn read(&mut self) -> Result<Reading, Gap> {
        let (kind, question) = match &self.known {
            Some((known, digesting)) => {
                let question = digesting.as_ref().map(|one| digests::counters_question(&one.columns));
                (known.server.kind, question)
            }
            None => return Err(not_begun()),
        };
        let digests = question.map(|question| self.session.ask(&question)).transpose()?;
        let mut reading =
            Reading { digests: digests.map(|table| digests::counters(&table)), ..Reading::default() };
        // What is missing of these two is missing from the result: a server of another age has no such table.
        if reading.digests.is_some() && kind == DbKind::Mysql {
            reading.errors =
                self.session.ask(errors::ERRORS).map(|table| errors::errors(&table)).unwrap_or_default();
        }
        reading.locks = self.session.ask(errors::lock_metrics(kind)).ok().map(|table| status::status(&table));
        reading.status = status::status(&self.session.ask(status::STATUS)?);
        reading.own = self.own();
        Ok(reading)
    }

    /// The window begins.
    pub(in crate::store) fn begin(&mut self) -> Result<(), Gap> {
        self.before = None;
        self.prepare()?;
        self.peaks = Peaks::default();
        self.before = Some(self.read()?);
        Ok(())
    }

    /// Statements sent by others so far; differs between two looks while the server is at work.
    pub(in crate::store) fn questions(&mut self) -> Result<u64, Gap> {
        let now = status::status(&self.session.ask(status::QUESTIONS)?);
        Ok(status::of(&now, "Questions").saturating_sub(self.session.own_questions))
    }

    /// The window ends; the `explain` heaviest statements are explained after it, on a throw-away stack.
    pub(in crate::store) fn end(&mut self, explain: usize) -> Result<(DatabaseWindow, Vec<Unmeasured>), Gap> {
        let before = self.before.take().ok_or_else(not_begun)?;
        let after = self.read()?;
        if status::of(&after.status, "Uptime") < status::of(&before.status, "Uptime") {
            let why =
                format!("{} was started anew within the phase, so its counters began at zero", self.address);
            return Err(Gap::new(why, "look into its log for why; then repeat the run"));
        }
        let mut gaps: Vec<Unmeasured> = self.gaps.iter().cloned().collect();
        let mut window = self.counted(&before, &after);
        if let Some(gap) = self.statements(&mut window, &before, &after, explain) {
            gaps.push(gap.of(format!("statements by digest at {}", self.address)));
        }
        Ok((window, gaps))
    }

    /// All but the statements.
    fn counted(&self, before: &Reading, after: &Reading) -> DatabaseWindow {
        let mut window = DatabaseWindow::new(self.tier, &self.address, &self.schema);
        if let Some((known, digesting)) = &self.known {
            window.server = known.server.clone();
            window.settings = known.settings.clone();
            window.settings.statement_cpu = digesting.as_ref().is_some_and(|one| one.cpu);
        }
        let own = Own {
            questions: after.own.questions - before.own.questions,
            connections: after.own.connections - before.own.connections,
        };
        window.status = status::between(&before.status, &after.status, own, self.peaks);
        window.errors = errors::between(&before.errors, &after.errors);
        if let Some((then, now)) = before.locks.as_ref().zip(after.locks.as_ref()) {
            let grown = |name: &str| {
                now.contains_key(name)
                    .then(|| status::of(now, name) - status::of(then, name).min(status::of(now, name)))
            };
            let locks = &mut window.status.locks;
            locks.deadlocks = locks.deadlocks.or_else(|| grown("lock_deadlocks"));
            locks.timeouts = grown("lock_timeouts");
        }
        window
    }

    fn statements(
        &mut self,
        window: &mut DatabaseWindow,
        before: &Reading,
        after: &Reading,
        explain: usize,
    ) -> Option<Gap> {
        let (then, now) = before.digests.as_ref().zip(after.digests.as_ref())?;
        let (kind, digesting) = match &self.known {
            Some((known, Some(digesting))) => (known.server.kind, digesting.clone()),
            _ => return None,
        };
        let ran = digests::between(then, now, &self.schema, digesting.cpu);
        if ran.emptied {
            return Some(Gap::new(
                "the server's digest table was emptied within the phase",
                "do not truncate performance_schema while kneepoint measures",
            ));
        }
        let raw = match self.list(window, &ran, &digesting) {
            Ok(raw) => raw,
            Err(gap) => return Some(gap),
        };
        if explain > 0 && self.throw_away {
            let at = Where {
                kind,
                address: &self.address,
                user: &self.user,
                password: self.password.as_ref(),
                schema: &self.schema,
            };
            let length = window.settings.sample_length.map(|length| length.0);
            let sample = |digest: &str| {
                let raw: &String = raw.get(digest)?;
                Some((raw.clone(), digests::sample_is_cut(raw, length)))
            };
            explain_heaviest(&at, &mut window.statements, sample, explain);
        }
        None
    }

    fn list(
        &mut self,
        window: &mut DatabaseWindow,
        ran: &Ran,
        digesting: &Digesting,
    ) -> Result<std::collections::HashMap<String, String>, Gap> {
        let question = digests::texts_question(ran, &self.schema, &digesting.columns);
        let texts = question.map(|question| self.session.ask(&question)).transpose()?.unwrap_or_default();
        let listed = digests::listed(ran, &texts, window.settings.sample_length.map(|length| length.0));
        window.statements_known = true;
        window.statements = listed.statements;
        window.others = listed.others;
        window.session = listed.session;
        window.foreign = ran.foreign;
        window.digests_lost = ran.lost;
        Ok(listed.raw_samples)
    }
}
