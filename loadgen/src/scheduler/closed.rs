//! The closed model: goose supplies users, their ramp and their life; our step function does everything else.
//!
//! goose 0.19 is embedded as a library: configured in code, without telnet and output. One transaction is the whole
//! life of a user. Its metrics are disabled: they cost a message for each request, and hold less than our recorder. Its main loop runs twice a
//! second, so its own start and end are up to 0.5 s late: users are launched ahead, each waits for its moment in our schedule,
//! and our window limits the measured part. Its kill switch is one per process: closed phases must not overlap.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use goose::client::GooseClientBuilder;
use goose::config::GooseConfiguration;
use goose::goose::{Scenario as GooseScenario, Transaction, TransactionResult};
use goose::{GooseAttack, trigger_killswitch};

use crate::error::LoadError;
use crate::phase::context::PhaseContext;
use crate::plan::PhaseLoad;
use crate::transport::Pool;
use crate::user::in_flight::DueTime;
use crate::user::journey::run_journey;
use crate::user::pause::StepTiming;
use crate::user::session::UserSession;

/// Whether a closed phase is running in this process.
static IS_RUNNING: Mutex<bool> = Mutex::new(false);
static ENDED: Condvar = Condvar::new();

/// Lets one closed phase run at a time, because all share goose's kill switch. Acquired before the clock of the phase starts,
/// and released when its generator has ended.
pub(crate) struct ClosedPhaseLock(());

impl ClosedPhaseLock {
    /// Blocks until no other closed phase runs.
    pub(crate) fn acquire() -> Self {
        let running = IS_RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running =
            ENDED.wait_while(running, |running| *running).unwrap_or_else(PoisonError::into_inner);
        *running = true;
        Self(())
    }
}

impl Drop for ClosedPhaseLock {
    fn drop(&mut self) {
        *IS_RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = false;
        ENDED.notify_one();
    }
}

/// How long after the drain goose may take to stop by itself.
const GOOSE_STOP_TIMEOUT: Duration = Duration::from_millis(1500);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// From the plan to the start of the phase: goose has made its client and launched its users by then.
pub(crate) const START_DELAY: Duration = Duration::from_millis(600);
/// goose launches its users within this, before the phase; each then waits for its own moment.
const LAUNCH_TIME: Duration = Duration::from_millis(50);
/// How long the runtime may take to drop its tasks.
const RUNTIME_SHUTDOWN: Duration = Duration::from_millis(50);

/// Runs the phase on the calling thread, which must hold the [`ClosedPhaseLock`]; returns when all users have finished or were
/// aborted.
pub(crate) fn run(context: &Arc<PhaseContext>) -> Result<(), LoadError> {
    if context.prepared.plan.load.is_open() {
        return Err(LoadError::Internal("an open plan came to the closed scheduler".into()));
    }
    silence_goose();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let attack = build_attack(context, context.prepared.plan.load.peak_users())?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            ended = attack.execute() => ended.map(drop).map_err(|e| LoadError::Closed(e.to_string())),
            () = stop_at_end(context) => Ok(()),
        }
    });
    // Dropping the users records their requests as censored.
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN);
    outcome
}

/// Triggers goose's kill switch at the end of the phase; returns when goose must be dropped instead.
async fn stop_at_end(context: &PhaseContext) {
    let window = &context.prepared.window;
    let mut triggered = false;
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        let now = Instant::now();
        if context.is_aborted() {
            trigger_killswitch("the run was cancelled");
            return;
        }
        if now >= window.until && !triggered {
            triggered = true;
            trigger_killswitch("the phase is over");
        }
        if now >= window.until + context.prepared.plan.options.drain + GOOSE_STOP_TIMEOUT {
            return;
        }
    }
}

fn build_attack(context: &Arc<PhaseContext>, users: u32) -> Result<Box<GooseAttack>, LoadError> {
    let refused = |e: goose::GooseError| LoadError::Closed(e.to_string());
    // Not a literal: two of the fields are private to goose.
    let mut configuration = GooseConfiguration::default();
    configuration.host = Some(context.prepared.plan.base_url.to_string());
    configuration.users = Some(users as usize);
    configuration.increase_rate = Some(format!("{:.3}", f64::from(users) / LAUNCH_TIME.as_secs_f64()));
    configuration.quiet = 3;
    // Without this goose prints. It also prints "all users launched" unless it may reset its metrics then; it does so before
    // the first of our requests, because users are launched ahead.
    configuration.no_print_metrics = true;
    configuration.no_telnet = true;
    configuration.no_websocket = true;
    configuration.no_transaction_metrics = true;
    configuration.no_scenario_metrics = true;
    configuration.no_error_summary = true;
    // goose builds an HTTP client for each user, which we do not use; this makes a single one.
    let client = GooseClientBuilder::new().without_cookies();
    let attack = GooseAttack::initialize_with_config(configuration)
        .and_then(|attack| attack.set_client_builder_without_cookies(client))
        .map_err(refused)?;
    let context = Arc::clone(context);
    let run = Transaction::new(Arc::new(move |_| Box::pin(run_goose_transaction(Arc::clone(&context)))));
    Ok(Box::new(attack.register_scenario(GooseScenario::new("journeys").register_transaction(run))))
}

/// A user of the closed model.
struct ClosedUser {
    number: u64,
    pool: Pool,
    /// One per journey of the mix, from its first run on.
    sessions: Vec<Option<UserSession>>,
}

impl ClosedUser {
    fn new(context: &PhaseContext) -> Self {
        Self {
            number: context.counters.goose_users.fetch_add(1, Ordering::Relaxed) + 1,
            pool: Pool::default(),
            sessions: (0..context.prepared.plan.journey_count()).map(|_| None).collect(),
        }
    }
}

/// The whole life of a user as one transaction: the work of goose between two transactions would be added to each journey.
async fn run_goose_transaction(context: Arc<PhaseContext>) -> TransactionResult {
    if Instant::now() < context.prepared.window.until && !context.is_aborted() {
        run_user(&context).await;
    }
    // goose goes on calling until it notices the end.
    tokio::time::sleep(POLL_INTERVAL).await;
    Ok(())
}

/// Runs journeys of one user until the phase ends.
async fn run_user(context: &PhaseContext) {
    let mut user = ClosedUser::new(context);
    let has_segments = matches!(context.prepared.plan.load, PhaseLoad::UserSegments(_));
    let mut now = Instant::now();
    let mut is_new = true;
    while now < context.prepared.window.until && !context.is_aborted() {
        if is_new || has_segments {
            let Some(active_at) = wait_until_active(context, user.number, now).await else { return };
            now = active_at;
            is_new = false;
        }
        run_next_journey(context, &mut user, now).await;
        // A step that fails at once (no file descriptor is left for a connection) never waits: other users must be polled too.
        tokio::task::coop::consume_budget().await;
        now = Instant::now();
    }
}

async fn run_next_journey(context: &PhaseContext, user: &mut ClosedUser, now: Instant) {
    let number = context.counters.arrivals.fetch_add(1, Ordering::Relaxed);
    let scenario = context.prepared.picker.pick(number);
    let seed = context.prepared.plan.options.seed;
    // Each scenario of a user has a random stream of its own.
    let session = user.sessions[scenario]
        .get_or_insert_with(|| UserSession::new(seed ^ (scenario as u64) << 48, user.number));
    let due = DueTime { at: now, lag: None };
    run_journey(context, session, &user.pool, scenario, due, StepTiming::WhenReady).await;
}

/// Waits until the schedule has the user active, and returns that moment; `None` when the user is not active (again) in this
/// phase.
async fn wait_until_active(context: &PhaseContext, user: u64, mut now: Instant) -> Option<Instant> {
    let user = u32::try_from(user).unwrap_or(u32::MAX);
    let window = &context.prepared.window;
    loop {
        let since = now.saturating_duration_since(window.start);
        let active = context.prepared.user_schedule.next_active(user, since);
        let active_at = active.map_or(window.until, |after| window.start + after);
        if active_at >= window.until {
            tokio::time::sleep_until(window.until.into()).await;
            return None;
        }
        if active_at <= now {
            return Some(now);
        }
        tokio::time::sleep_until(active_at.into()).await;
        now = Instant::now();
    }
}

/// goose installs a logger that writes to standard output unless there is one already; this installs one that discards all.
fn silence_goose() {
    struct NullLogger;
    impl log::Log for NullLogger {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            false
        }
        fn log(&self, _: &log::Record<'_>) {}
        fn flush(&self) {}
    }
    static NULL_LOGGER: NullLogger = NullLogger;
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that the program has a logger already, which serves as well.
        let _ = log::set_logger(&NULL_LOGGER);
    });
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::sync::atomic::AtomicU64;

    use kneepoint_scenarios::Scenario;

    use super::*;
    use crate::phase::prepared::{PreparedPhase, find_target};
    use crate::plan::PhasePlan;
    use crate::recorder::{IntervalStats, PhaseTotals};
    use crate::window::Window;

    fn serve(mut stream: TcpStream, received: &AtomicU64) {
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer).is_ok_and(|n| n > 0) {
            received.fetch_add(1, Ordering::Relaxed);
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
                return;
            }
        }
    }

    #[test]
    fn users_of_goose_are_counted_to_the_last_request() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("port");
        let base = format!("http://{}", listener.local_addr().expect("address"));
        let received = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&received);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || serve(stream, &counted));
            }
        });
        let scenario = Scenario::parse("x", "name = \"x\"\n[[step]]\nname = \"GET /a\"\npath = \"/a\"\n[[step]]\nname = \"GET /b\"\npath = \"/b\"\nexpect = { status = [204] }\n").expect("valid");
        let mut plan =
            PhasePlan::new("t", PhaseLoad::Users(5), base.parse().expect("url"), vec![(scenario, 1)]);
        plan.options.think_scale = 0.0;
        let target = find_target(&plan).expect("listens");
        let _lock = ClosedPhaseLock::acquire();
        let window = Window::new(START_DELAY * 2, Duration::ZERO, Duration::from_millis(500));
        let prepared = PreparedPhase::new(&plan, window, target).expect("valid");
        let context = Arc::new(PhaseContext::new(prepared, 1));
        run(&context).expect("run");

        let interval = context.recorder.swap(Box::new(IntervalStats::new(2)));
        let mut totals = PhaseTotals::new(2);
        totals.add(&interval);
        let [a, b] = [0, 1].map(|at| &totals.series[at].counts);
        assert!(a.requests > 100, "{} requests", a.requests);
        assert_eq!((a.errors, b.errors), (0, b.requests));
        assert_eq!(a.requests + b.requests, received.load(Ordering::Relaxed));
        assert_eq!(context.counters.goose_users.load(Ordering::Relaxed), 5);
        assert_eq!(context.in_flight(), 0);
    }
}
