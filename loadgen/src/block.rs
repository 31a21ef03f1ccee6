//! Short blocks of load by the same visitors: for comparisons, where two stacks are loaded in turn.
//!
//! A phase of its own for each would cost more in starting and ending than in measuring. Here a visitor keeps cookies and
//! connections from one block to the next, nothing is written, and a block has no warm-up: every request that was begun in
//! it counts, those that end a little later too, so that CPU time over a block and its requests belong together.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::load::{LoadModel, LoadPhase};
use kneepoint_scenarios::Scenario;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::assemble::{Circumstances, assemble};
use crate::error::LoadError;
use crate::health::{Role, health};
use crate::journey::{Pace, run_journey};
use crate::open;
use crate::plan::PhasePlan;
use crate::recorder::{Ledger, PlanRecord, Shard};
use crate::session::Session;
use crate::site::Site;
use crate::transport::{Pool, Target};
use crate::unfinished::Due;
use crate::window::Window;
use crate::world::World;

/// From the call to the first request.
const LEAD: Duration = Duration::from_millis(5);
/// Longest wait without a look at the wish to stop.
const LOOK: Duration = Duration::from_millis(20);

/// Visitors who come back in each block.
pub struct BlockLoad {
    plan: PhasePlan,
    runtime: Runtime,
    users: Vec<User>,
}

/// What a visitor keeps.
struct User {
    number: u64,
    pool: Pool,
    /// By scenario.
    sessions: Vec<Option<Session>>,
}

impl User {
    fn new(number: u64, ways: usize) -> Self {
        Self { number, pool: Pool::default(), sessions: (0..ways).map(|_| None).collect() }
    }
}

impl BlockLoad {
    /// Visitors who do what `plan` says; its warm-up and length are not used.
    ///
    /// # Errors
    /// A plan that makes no sense, or no runtime.
    pub fn new(mut plan: PhasePlan) -> Result<Self, LoadError> {
        plan.warmup = Duration::ZERO;
        plan.check()?;
        let users = match plan.model {
            LoadModel::Closed { users } => u64::from(users),
            LoadModel::Open { .. } => 0,
        };
        let ways = plan.ways();
        let users = (1..=users).map(|number| User::new(number, ways)).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { plan, runtime, users })
    }

    /// From the next block on visitors do this; they keep cookies and connections.
    ///
    /// # Errors
    /// Another number of scenarios than before.
    pub fn ask(&mut self, scenarios: Vec<(Scenario, u32)>) -> Result<(), LoadError> {
        if scenarios.len() != self.plan.scenarios.len() {
            return Err(LoadError::Plan {
                phase: self.plan.name.clone(),
                problem: "visitors came for another number of scenarios".to_owned(),
            });
        }
        self.plan.scenarios = scenarios;
        Ok(())
    }

    /// One block on the calling thread, or less when `cancel` is set; then the result is partial.
    ///
    /// # Errors
    /// Nobody listens, or the generator has a fault. Requests that fail are figures, not errors.
    pub fn run(&mut self, length: Duration, cancel: &Cancel) -> Result<LoadPhase, LoadError> {
        self.plan.duration = length;
        self.plan.check()?;
        let site = Site::new(&self.plan.base_url, self.plan.host_header.as_deref());
        let target = Target::find(&self.plan, site.host())?;
        let window = Window::new(LEAD, Duration::ZERO, length);
        let world = Arc::new(World::new(&self.plan, window, target, self.plan.max_in_flight)?);
        world.threads.enter(Role::Generates);
        let before = world.threads.read();
        let is_whole = match self.plan.model {
            LoadModel::Closed { .. } => self.closed(&world, cancel)?,
            LoadModel::Open { .. } => {
                open::run(&world)?;
                true
            }
        };
        world.take_fault()?;
        let after = world.threads.read();
        let mut ledger = Ledger::new(world.endpoints.len());
        ledger.add(&world.recorder.swap(Box::new(Shard::new(world.endpoints.len()))));
        let record = PlanRecord::new(&self.plan, &window, &world.endpoints);
        let circumstances = Circumstances {
            until_ms: record.measured_until_ms,
            cost: health(&before, &after, window.from.elapsed(), ledger.ended),
            local_faults: world.local_faults.load(Ordering::Relaxed),
            partial: !is_whole,
            stopped_by: None,
        };
        Ok(assemble(&record, &ledger, &circumstances))
    }

    /// Lets all users go on journeys until the block is over, and waits for the answers that are still due. False when it
    /// was cut short: then what was under way is recorded as censored.
    fn closed(&mut self, world: &Arc<World>, cancel: &Cancel) -> Result<bool, LoadError> {
        let users = std::mem::take(&mut self.users);
        let (back, is_whole) = self.runtime.block_on(async {
            let mut out = JoinSet::new();
            for user in users {
                out.spawn(until_the_end(Arc::clone(world), user));
            }
            let mut back = Vec::new();
            loop {
                tokio::select! {
                    next = out.join_next() => match next {
                        Some(Ok(user)) => back.push(user),
                        Some(Err(_)) => return Err(LoadError::Broken("a visitor's task panicked".to_owned())),
                        None => return Ok((back, true)),
                    },
                    () = tokio::time::sleep(LOOK) => if cancel.is_cancelled() { return Ok((back, false)); },
                }
            }
        })?;
        self.users = back;
        self.users.sort_by_key(|user| user.number);
        Ok(is_whole)
    }
}

async fn until_the_end(world: Arc<World>, mut user: User) -> User {
    tokio::time::sleep_until(world.window.start.into()).await;
    loop {
        let now = Instant::now();
        if now >= world.window.until || world.aborted() {
            break;
        }
        let number = world.visitors.fetch_add(1, Ordering::Relaxed);
        let scenario = world.picker.pick(number);
        // Each scenario of a user draws from a stream of its own.
        let seed = world.plan.seed ^ (scenario as u64) << 48;
        let session = user.sessions[scenario].get_or_insert_with(|| Session::new(seed, user.number));
        let due = Due { at: now, lag: None };
        run_journey(&world, session, &user.pool, scenario, due, Pace::Visitor).await;
        // A journey that has no step to do, or fails at once, must not keep the others from their turn.
        tokio::task::coop::consume_budget().await;
    }
    for session in user.sessions.iter_mut().flatten() {
        session.patience.rest();
    }
    user
}
