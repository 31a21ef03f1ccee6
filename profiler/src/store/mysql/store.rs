//! One database server: its properties, its readings before and after a window, its gauges.

use std::collections::BTreeSet;
use std::time::Instant;

use kneepoint_model::db::{DatabaseWindow, DbKind};
use kneepoint_model::sample::DbGauge;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Micros;
use kneepoint_model::unmeasured::Unmeasured;

use super::digests::{self, CPU, DigestRows, ExecutedStatements, OWN_SCHEMA};
use super::errors::{self, ErrorCounters};
use super::explain::{ExplainTarget, explain_heaviest};
use super::session::MysqlSession;
use super::settings::{self, ServerInfo};
use super::status::{self, GaugePeaks, OwnActivity, StatusCounters};
use crate::store::Gap;
use crate::store::cache::missing_baseline;
use crate::store::plan::Secret;

/// Properties of the digest table; missing where it is disabled.
#[derive(Debug, Clone, Default)]
struct DigestSupport {
    columns: BTreeSet<String>,
    cpu: bool,
}

/// All counters at one time.
#[derive(Debug, Clone, Default)]
struct MysqlReading {
    digests: Option<DigestRows>,
    status: StatusCounters,
    errors: ErrorCounters,
    locks: Option<StatusCounters>,
    own: OwnActivity,
}

/// One database server, read over one connection.
#[derive(Debug)]
pub(in crate::store) struct MysqlStore {
    pub(in crate::store) tier: Tier,
    pub(in crate::store) address: String,
    user: String,
    schema: String,
    password: Option<Secret>,
    session: MysqlSession,
    server_info: Option<(ServerInfo, Option<DigestSupport>)>,
    /// What this server cannot report, found out once.
    gaps: BTreeSet<Unmeasured>,
    before: Option<MysqlReading>,
    last: Option<(Instant, StatusCounters, OwnActivity)>,
    peaks: GaugePeaks,
    throw_away: bool,
}

impl MysqlStore {
    pub(in crate::store) fn new(
        tier: Tier,
        (address, user, schema): (&str, &str, &str),
        password: Option<Secret>,
        throw_away: bool,
    ) -> Result<Self, Gap> {
        let session = MysqlSession::new(address, user, password.as_ref(), OWN_SCHEMA)?;
        Ok(Self {
            tier,
            address: address.to_owned(),
            user: user.to_owned(),
            schema: schema.to_owned(),
            password,
            session,
            server_info: None,
            gaps: BTreeSet::new(),
            before: None,
            last: None,
            peaks: GaugePeaks::default(),
            throw_away,
        })
    }

    /// Finds out once what the server reports, and on a disposable stack enables what is off.
    pub(in crate::store) fn prepare(&mut self) -> Result<(), Gap> {
        if self.server_info.is_some() {
            return Ok(());
        }
        let server_info = settings::parse_variables(&self.session.query(settings::VARIABLES_QUERY)?);
        let digest_support = match self.digest_support(&server_info) {
            Ok(digest_support) => Some(digest_support),
            Err(gap) => {
                let what =
                    format!("statements by digest in {} at {}", server_info.server.kind.name(), self.address);
                self.gaps.insert(gap.into_unmeasured(what));
                None
            }
        };
        self.server_info = Some((server_info, digest_support));
        Ok(())
    }

    fn digest_support(&mut self, server_info: &ServerInfo) -> Result<DigestSupport, Gap> {
        let on = "start the server with performance_schema=ON: it cannot be switched on while it runs";
        if !server_info.performance_schema {
            let why = match server_info.server.kind {
                DbKind::Mariadb => "performance_schema is off (the default in MariaDB)",
                DbKind::Mysql => "performance_schema is off",
            };
            return Err(Gap::new(why, on));
        }
        let consumers = self.session.query(settings::CONSUMERS_QUERY)?;
        if settings::is_consumer_enabled(&consumers, "statements_digest") == Some(false) {
            let fix = "UPDATE performance_schema.setup_consumers SET ENABLED = 'YES' WHERE NAME = 'statements_digest'";
            return Err(Gap::new("the consumer `statements_digest` is off", fix));
        }
        let columns = settings::parse_columns(&self.session.query(settings::COLUMNS_QUERY)?);
        let mut cpu = settings::is_consumer_enabled(&consumers, "events_statements_cpu").unwrap_or(false);
        if !cpu && self.throw_away && columns.contains(CPU) {
            cpu = self.session.query(settings::ENABLE_CPU_COUNTING).is_ok();
        }
        if !cpu {
            let gap = if columns.contains(CPU) {
                Gap::new("the consumer `events_statements_cpu` is off", settings::ENABLE_CPU_COUNTING)
            } else {
                Gap::new("this server version does not count it", "use MySQL 8.0.28 or later")
            };
            self.gaps.insert(gap.into_unmeasured(format!("CPU time of each statement at {}", self.address)));
        }
        Ok(DigestSupport { columns, cpu })
    }

    fn own_activity(&self) -> OwnActivity {
        OwnActivity { questions: self.session.own_questions, connections: self.session.own_connections }
    }

    /// Gauges since the previous call; `None` on the first.
    pub(in crate::store) fn read_gauge(&mut self) -> Result<Option<DbGauge>, Gap> {
        let now = status::parse_status(&self.session.query(status::GAUGES_QUERY)?);
        let (at, own) = (Instant::now(), self.own_activity());
        let value = |name| status::counter(&now, name);
        // Without this query's own thread and connection.
        let running = value("Threads_running").saturating_sub(1);
        let connected = value("Threads_connected").saturating_sub(1);
        let waiting = value("Innodb_row_lock_current_waits");
        for (peak, value) in [
            (&mut self.peaks.running, running),
            (&mut self.peaks.connected, connected),
            (&mut self.peaks.waiting, waiting),
        ] {
            *peak = Some(peak.unwrap_or_default().max(value));
        }
        let last = self.last.replace((at, now.clone(), own));
        Ok(last.map(|(then, before, own_before)| {
            let grown = |name| value(name).saturating_sub(status::counter(&before, name));
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

    fn read(&mut self) -> Result<MysqlReading, Gap> {
        let (kind, query) = match &self.server_info {
            Some((server_info, digest_support)) => {
                let query = digest_support.as_ref().map(|support| digests::counters_query(&support.columns));
                (server_info.server.kind, query)
            }
            None => return Err(missing_baseline()),
        };
        let digests = query.map(|query| self.session.query(&query)).transpose()?;
        let mut reading = MysqlReading {
            digests: digests.map(|table| digests::parse_counters(&table)),
            ..MysqlReading::default()
        };
        // Missing results are left out: a server of another version has no such table.
        if reading.digests.is_some() && kind == DbKind::Mysql {
            reading.errors = self
                .session
                .query(errors::ERRORS_QUERY)
                .map(|table| errors::parse_errors(&table))
                .unwrap_or_default();
        }
        reading.locks = self
            .session
            .query(errors::lock_metrics_query(kind))
            .ok()
            .map(|table| status::parse_status(&table));
        reading.status = status::parse_status(&self.session.query(status::STATUS_QUERY)?);
        reading.own = self.own_activity();
        Ok(reading)
    }

    /// Reads the counters at the start of the window.
    pub(in crate::store) fn begin(&mut self) -> Result<(), Gap> {
        self.before = None;
        self.prepare()?;
        self.peaks = GaugePeaks::default();
        self.before = Some(self.read()?);
        Ok(())
    }

    /// Statements of other clients so far; changes between two calls while the server works.
    pub(in crate::store) fn count_questions(&mut self) -> Result<u64, Gap> {
        let now = status::parse_status(&self.session.query(status::QUESTIONS_QUERY)?);
        Ok(status::counter(&now, "Questions").saturating_sub(self.session.own_questions))
    }

    /// Ends the window; on a disposable stack the `explain` heaviest statements are explained afterwards.
    pub(in crate::store) fn end(&mut self, explain: usize) -> Result<(DatabaseWindow, Vec<Unmeasured>), Gap> {
        let before = self.before.take().ok_or_else(missing_baseline)?;
        let after = self.read()?;
        if status::counter(&after.status, "Uptime") < status::counter(&before.status, "Uptime") {
            let why = format!("{} restarted during the phase, so its counters began at zero", self.address);
            return Err(Gap::new(why, "check its log for the cause, then repeat the run"));
        }
        let mut gaps: Vec<Unmeasured> = self.gaps.iter().cloned().collect();
        let mut window = self.status_window(&before, &after);
        if let Some(gap) = self.add_statements(&mut window, &before, &after, explain) {
            gaps.push(gap.into_unmeasured(format!("statements by digest at {}", self.address)));
        }
        Ok((window, gaps))
    }

    /// Everything except the statements.
    fn status_window(&self, before: &MysqlReading, after: &MysqlReading) -> DatabaseWindow {
        let mut window = DatabaseWindow::new(self.tier, &self.address, &self.schema);
        if let Some((server_info, digest_support)) = &self.server_info {
            window.server = server_info.server.clone();
            window.settings = server_info.settings.clone();
            window.settings.statement_cpu = digest_support.as_ref().is_some_and(|support| support.cpu);
        }
        let own = OwnActivity {
            questions: after.own.questions - before.own.questions,
            connections: after.own.connections - before.own.connections,
        };
        window.status = status::deltas_between(&before.status, &after.status, own, self.peaks);
        window.errors = errors::errors_between(&before.errors, &after.errors);
        if let Some((then, now)) = before.locks.as_ref().zip(after.locks.as_ref()) {
            let grown = |name: &str| {
                now.contains_key(name).then(|| {
                    status::counter(now, name) - status::counter(then, name).min(status::counter(now, name))
                })
            };
            let locks = &mut window.status.locks;
            locks.deadlocks = locks.deadlocks.or_else(|| grown("lock_deadlocks"));
            locks.timeouts = grown("lock_timeouts");
        }
        window
    }

    fn add_statements(
        &mut self,
        window: &mut DatabaseWindow,
        before: &MysqlReading,
        after: &MysqlReading,
        explain: usize,
    ) -> Option<Gap> {
        let (then, now) = before.digests.as_ref().zip(after.digests.as_ref())?;
        let (kind, digest_support) = match &self.server_info {
            Some((server_info, Some(digest_support))) => (server_info.server.kind, digest_support.clone()),
            _ => return None,
        };
        let executed = digests::executed_between(then, now, &self.schema, digest_support.cpu);
        if executed.emptied {
            return Some(Gap::new(
                "the server's digest table was emptied during the phase",
                "do not truncate performance_schema while kneepoint measures",
            ));
        }
        let raw = match self.list_statements(window, &executed, &digest_support) {
            Ok(raw) => raw,
            Err(gap) => return Some(gap),
        };
        if explain > 0 && self.throw_away {
            let at = ExplainTarget {
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

    fn list_statements(
        &mut self,
        window: &mut DatabaseWindow,
        executed: &ExecutedStatements,
        digest_support: &DigestSupport,
    ) -> Result<std::collections::HashMap<String, String>, Gap> {
        let query = digests::texts_query(executed, &self.schema, &digest_support.columns);
        let texts = query.map(|query| self.session.query(&query)).transpose()?.unwrap_or_default();
        let listed =
            digests::list_statements(executed, &texts, window.settings.sample_length.map(|length| length.0));
        window.statements_known = true;
        window.statements = listed.statements;
        window.others = listed.others;
        window.session = listed.session;
        window.foreign = executed.foreign;
        window.digests_lost = executed.lost;
        Ok(listed.raw_samples)
    }
}
