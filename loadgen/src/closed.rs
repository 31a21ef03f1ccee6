//! The closed model: goose supplies users, their ramp and their life; our step function supplies everything else.
//!
//! goose 0.19 is embedded as a library: configuration from code, no telnet, nothing printed, one transaction that is one
//! journey. Its metrics are left empty: they would cost a message for each request, and know less than our recorder. Its main
//! loop looks twice a second, so its own edges are up to 0.5 s late: users are launched ahead, each waits
//! for its moment in our ramp, and the measured part is cut by our window. Its kill switch is one per process: closed
//! phases must not overlap.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use goose::client::GooseClientBuilder;
use goose::config::GooseConfiguration;
use goose::goose::{GooseUser, Scenario as GooseScenario, Transaction, TransactionResult};
use goose::{GooseAttack, trigger_killswitch};
use kneepoint_model::load::LoadModel;

use crate::error::LoadError;
use crate::journey::{Pace, run_journey};
use crate::session::Session;
use crate::transport::Pool;
use crate::unfinished::Due;
use crate::world::World;

/// Whether a closed phase is under way.
static BUSY: Mutex<bool> = Mutex::new(false);
static FREE: Condvar = Condvar::new();

/// Leave to run: one closed phase at a time, because goose's kill switch is shared by the whole process. It is waited for before
/// the clock of the phase begins, and given back when its generator has ended.
pub(crate) struct Alone(());

impl Alone {
    pub(crate) fn wait() -> Self {
        let busy = BUSY.lock().unwrap_or_else(PoisonError::into_inner);
        let mut busy = FREE.wait_while(busy, |busy| *busy).unwrap_or_else(PoisonError::into_inner);
        *busy = true;
        Self(())
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        *BUSY.lock().unwrap_or_else(PoisonError::into_inner) = false;
        FREE.notify_one();
    }
}

/// How long goose may take to notice that it shall stop, beyond the drain.
const EDGE: Duration = Duration::from_millis(1500);
const LOOK: Duration = Duration::from_millis(20);
/// From the plan to the start of the phase: goose has made its client and launched its users by then.
pub(crate) const LEAD: Duration = Duration::from_millis(600);
/// goose starts its users within this, before the phase; each then waits for its own moment.
const LAUNCH: Duration = Duration::from_millis(50);

/// Runs the phase on the calling thread, which must have [`Alone`]; returns when everyone has gone home, or was sent.
pub(crate) fn run(world: &Arc<World>) -> Result<(), LoadError> {
    let LoadModel::Closed { users } = world.plan.model else {
        return Err(LoadError::Broken("the closed model was asked to run an open plan".into()));
    };
    keep_quiet();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let attack = attack(world, users)?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            ended = attack.execute() => ended.map(drop).map_err(|e| LoadError::Closed(e.to_string())),
            () = watch(world) => Ok(()),
        }
    });
    // Dropping the users records what was still under way.
    runtime.shutdown_timeout(Duration::from_millis(50));
    outcome
}

/// Asks goose to stop at the end of the phase; returns when it must be stopped by force.
async fn watch(world: &World) {
    let mut asked = false;
    loop {
        tokio::time::sleep(LOOK).await;
        let now = Instant::now();
        if world.aborted() {
            trigger_killswitch("the run was asked to stop");
            return;
        }
        if now >= world.window.until && !asked {
            asked = true;
            trigger_killswitch("the phase is over");
        }
        if now >= world.window.until + world.plan.drain + EDGE {
            return;
        }
    }
}

fn attack(world: &Arc<World>, users: u32) -> Result<Box<GooseAttack>, LoadError> {
    let refused = |e: goose::GooseError| LoadError::Closed(e.to_string());
    // Not a literal: two of the fields are goose's own.
    let mut configuration = GooseConfiguration::default();
    configuration.host = Some(world.plan.base_url.to_string());
    configuration.users = Some(users as usize);
    configuration.increase_rate = Some(format!("{:.3}", f64::from(users) / LAUNCH.as_secs_f64()));
    configuration.quiet = 3;
    // Without it goose prints; it also prints "all users launched" unless it may reset its metrics then, which it does
    // before the first of our requests, because users are launched ahead.
    configuration.no_print_metrics = true;
    configuration.no_telnet = true;
    configuration.no_websocket = true;
    configuration.no_transaction_metrics = true;
    configuration.no_scenario_metrics = true;
    configuration.no_error_summary = true;
    // goose builds an HTTP client for each user, which we do not use; one for all is made once.
    let client = GooseClientBuilder::new().without_cookies();
    let attack = GooseAttack::initialize_with_config(configuration)
        .and_then(|attack| attack.set_client_builder_without_cookies(client))
        .map_err(refused)?;
    let world = Arc::clone(world);
    let journey = Transaction::new(Arc::new(move |user| Box::pin(journey(Arc::clone(&world), user))));
    Ok(Box::new(attack.register_scenario(GooseScenario::new("journeys").register_transaction(journey))))
}

/// What one goose user keeps between journeys.
#[derive(Clone, Default)]
struct Own(Arc<Mutex<Option<Box<UserState>>>>);

struct UserState {
    number: u64,
    pool: Pool,
    /// By scenario.
    sessions: Vec<Option<Session>>,
}

async fn journey(world: Arc<World>, user: &mut GooseUser) -> TransactionResult {
    let mut now = Instant::now();
    if now >= world.window.until {
        // goose goes on calling until it notices the end.
        tokio::time::sleep(LOOK).await;
        return Ok(());
    }
    let own = if let Some(own) = user.get_session_data::<Own>() {
        own.clone()
    } else {
        let own = Own::default();
        user.set_session_data(own.clone());
        own
    };
    let known = own.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    let is_new = known.is_none();
    let mut state = known.unwrap_or_else(|| Box::new(newcomer(&world)));
    if is_new || !world.plan.user_stages.is_empty() {
        let Some(turn) = turn(&world, state.number, now).await else {
            *own.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
            return Ok(());
        };
        now = turn;
    }
    let number = world.visitors.fetch_add(1, Ordering::Relaxed);
    let scenario = world.picker.pick(number);
    let seed = world.plan.seed;
    // Each scenario of a user draws from a stream of its own.
    let session = state.sessions[scenario]
        .get_or_insert_with(|| Session::new(seed ^ (scenario as u64) << 48, state.number));
    let due = Due { at: now, lag: None };
    run_journey(&world, session, &state.pool, scenario, due, Pace::Visitor).await;
    // A step that fails at once (no file is left for a connection) never waits: the others must have their turn.
    tokio::task::coop::consume_budget().await;
    *own.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
    Ok(())
}

/// Waits until it is the user's turn to be there, and says when that was; `None` when it does not come (again) in this phase.
async fn turn(world: &World, user: u64, mut now: Instant) -> Option<Instant> {
    let user = u32::try_from(user).unwrap_or(u32::MAX);
    loop {
        let since = now.saturating_duration_since(world.window.start);
        let turn =
            world.crowd.next_active(user, since).map_or(world.window.until, |turn| world.window.start + turn);
        if turn >= world.window.until {
            tokio::time::sleep_until(world.window.until.into()).await;
            return None;
        }
        if turn <= now {
            return Some(now);
        }
        tokio::time::sleep_until(turn.into()).await;
        now = Instant::now();
    }
}

fn newcomer(world: &World) -> UserState {
    UserState {
        number: world.users.fetch_add(1, Ordering::Relaxed) + 1,
        pool: Pool::default(),
        sessions: (0..world.plan.ways()).map(|_| None).collect(),
    }
}

/// goose installs a logger that writes to standard output unless there is one: so there is one.
fn keep_quiet() {
    struct Nobody;
    impl log::Log for Nobody {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            false
        }
        fn log(&self, _: &log::Record<'_>) {}
        fn flush(&self) {}
    }
    static NOBODY: Nobody = Nobody;
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that the program has a logger already, which is just as good.
        let _ = log::set_logger(&NOBODY);
    });
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::sync::atomic::AtomicU64;

    use kneepoint_scenarios::Scenario;

    use super::*;
    use crate::plan::PhasePlan;
    use crate::recorder::{Ledger, Shard};
    use crate::site::Site;
    use crate::transport::Target;
    use crate::window::Window;

    fn serve(mut stream: TcpStream, asked: &AtomicU64) {
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer).is_ok_and(|n| n > 0) {
            asked.fetch_add(1, Ordering::Relaxed);
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
                return;
            }
        }
    }

    #[test]
    fn users_of_goose_are_counted_to_the_last_request() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("port");
        let base = format!("http://{}", listener.local_addr().expect("address"));
        let asked = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || serve(stream, &counted));
            }
        });
        let scenario = Scenario::parse("x", "name = \"x\"\n[[step]]\nname = \"GET /a\"\npath = \"/a\"\n[[step]]\nname = \"GET /b\"\npath = \"/b\"\nexpect = { status = [204] }\n").expect("valid");
        let mut plan = PhasePlan::new(
            "t",
            LoadModel::Closed { users: 5 },
            base.parse().expect("url"),
            vec![(scenario, 1)],
        );
        plan.think_scale = 0.0;
        let site = Site::new(&plan.base_url, None);
        let target = Target::find(&plan, site.host()).expect("listens");
        let _alone = Alone::wait();
        let window = Window::new(LEAD * 2, Duration::ZERO, Duration::from_millis(500));
        let world = Arc::new(World::new(&plan, window, target, 1).expect("world"));
        run(&world).expect("run");

        let shard = world.recorder.swap(Box::new(Shard::new(2)));
        let mut ledger = Ledger::new(2);
        ledger.add(&shard);
        let [a, b] = [0, 1].map(|at| &ledger.series[at].tally);
        assert!(a.requests > 100, "{} requests", a.requests);
        assert_eq!((a.errors, b.errors), (0, b.requests));
        assert_eq!(a.requests + b.requests, asked.load(Ordering::Relaxed));
        assert_eq!(world.users.load(Ordering::Relaxed), 5);
        assert_eq!(world.in_flight(), 0);
    }
}
