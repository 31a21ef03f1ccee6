//! Short blocks of load by the same users: for comparisons, where two stacks are loaded in turn.
//!
//! A phase for each block would spend more time on starting and ending than on measuring. Here users keep cookies and
//! connections from one block to the next, nothing is written, and a block has no warm-up: every request that started in it
//! counts, also one that ends a little later, so that CPU time over a block and its requests belong together.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::load::LoadPhase;
use kneepoint_scenarios::Scenario;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::error::LoadError;
use crate::phase::context::PhaseContext;
use crate::phase::health::{ThreadRole, generator_cost};
use crate::phase::plan_record::plan_record;
use crate::phase::prepared::{PreparedPhase, find_target};
use crate::phase::result::{PhaseEnding, build_result};
use crate::plan::PhasePlan;
use crate::recorder::{IntervalStats, PhaseTotals};
use crate::scheduler::open;
use crate::transport::Pool;
use crate::user::in_flight::DueTime;
use crate::user::journey::run_journey;
use crate::user::pause::StepTiming;
use crate::user::session::UserSession;
use crate::window::Window;

/// From the call to the first request.
const START_DELAY: Duration = Duration::from_millis(5);
/// Longest wait between two checks for cancellation.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Users who return in each block.
pub struct BlockLoad {
    plan: PhasePlan,
    runtime: Runtime,
    users: Vec<BlockUser>,
}

/// What a user keeps from block to block.
struct BlockUser {
    number: u64,
    pool: Pool,
    /// One per journey of the mix, from its first run on.
    sessions: Vec<Option<UserSession>>,
}

impl BlockUser {
    fn new(number: u64, journeys: usize) -> Self {
        Self { number, pool: Pool::default(), sessions: (0..journeys).map(|_| None).collect() }
    }
}

impl BlockLoad {
    /// Users who run the mix of `plan`; its warm-up and length are ignored.
    ///
    /// # Errors
    /// The plan is invalid, or the system refuses a runtime.
    pub fn new(mut plan: PhasePlan) -> Result<Self, LoadError> {
        plan.warmup = Duration::ZERO;
        plan.validate()?;
        let journeys = plan.journey_count();
        let users = u64::from(plan.load.peak_users());
        let users = (1..=users).map(|number| BlockUser::new(number, journeys)).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { plan, runtime, users })
    }

    /// Replaces the scenarios from the next block on; users keep cookies and connections.
    ///
    /// # Errors
    /// The number of scenarios differs from that of the block before.
    pub fn set_scenarios(&mut self, scenarios: Vec<(Scenario, u32)>) -> Result<(), LoadError> {
        let expected = self.plan.scenarios.len();
        if scenarios.len() != expected {
            return Err(LoadError::Plan {
                phase: self.plan.name.clone(),
                problem: format!(
                    "{} scenarios are given; a block must have as many as the block before, {expected}",
                    scenarios.len()
                ),
            });
        }
        self.plan.scenarios = scenarios;
        Ok(())
    }

    /// Runs one block on the calling thread. When `cancel` is set it ends early, and the result is partial.
    ///
    /// # Errors
    /// The server refuses connections, or the generator itself fails. Requests that fail are figures, not errors.
    pub fn run(&mut self, length: Duration, cancel: &Cancel) -> Result<LoadPhase, LoadError> {
        self.plan.duration = length;
        self.plan.validate()?;
        let target = find_target(&self.plan)?;
        let window = Window::new(START_DELAY, Duration::ZERO, length);
        let prepared = PreparedPhase::new(&self.plan, window, target)?;
        let context = Arc::new(PhaseContext::new(prepared, self.plan.options.max_in_flight));
        context.threads.register_current(ThreadRole::Generator);
        let before = context.threads.snapshot();
        let is_whole = if self.plan.load.is_open() {
            open::run(&context)?;
            true
        } else {
            self.run_users(&context, cancel)?
        };
        context.take_fault()?;
        let after = context.threads.snapshot();
        let endpoints = &context.prepared.endpoints;
        let mut totals = PhaseTotals::new(endpoints.len());
        totals.add(&context.recorder.swap(Box::new(IntervalStats::new(endpoints.len()))));
        let record = plan_record(&self.plan, &window, endpoints);
        let ending = PhaseEnding {
            until_ms: record.measured_until_ms,
            cost: generator_cost(&before, &after, window.from.elapsed(), totals.ended),
            local_faults: context.counters.local_faults.load(Ordering::Relaxed),
            partial: !is_whole,
            stopped_by: None,
        };
        Ok(build_result(&record, &totals, &ending))
    }

    /// Runs journeys of all users until the block is over, and waits for the responses that are still due. False when it was
    /// cut short: then unfinished requests are recorded as censored.
    fn run_users(&mut self, context: &Arc<PhaseContext>, cancel: &Cancel) -> Result<bool, LoadError> {
        let users = std::mem::take(&mut self.users);
        let (back, is_whole) = self.runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for user in users {
                tasks.spawn(run_user(Arc::clone(context), user));
            }
            let mut back = Vec::new();
            loop {
                tokio::select! {
                    next = tasks.join_next() => match next {
                        Some(Ok(user)) => back.push(user),
                        Some(Err(_)) => return Err(LoadError::Internal("the task of a user panicked".to_owned())),
                        None => return Ok((back, true)),
                    },
                    () = tokio::time::sleep(POLL_INTERVAL) => if cancel.is_cancelled() { return Ok((back, false)); },
                }
            }
        })?;
        self.users = back;
        self.users.sort_by_key(|user| user.number);
        Ok(is_whole)
    }
}

/// Runs journeys of one user until the block is over, and returns the user for the next block.
async fn run_user(context: Arc<PhaseContext>, mut user: BlockUser) -> BlockUser {
    let window = context.prepared.window;
    tokio::time::sleep_until(window.start.into()).await;
    loop {
        let now = Instant::now();
        if now >= window.until || context.is_aborted() {
            break;
        }
        let number = context.counters.arrivals.fetch_add(1, Ordering::Relaxed);
        let scenario = context.prepared.picker.pick(number);
        // Each scenario of a user has a random stream of its own.
        let seed = context.prepared.plan.options.seed ^ (scenario as u64) << 48;
        let session = user.sessions[scenario].get_or_insert_with(|| UserSession::new(seed, user.number));
        let due = DueTime { at: now, lag: None };
        run_journey(&context, session, &user.pool, scenario, due, StepTiming::WhenReady).await;
        // A journey without steps, or one that fails at once, must not keep the other users from being polled.
        tokio::task::coop::consume_budget().await;
    }
    for session in user.sessions.iter_mut().flatten() {
        session.timeout.detach();
    }
    user
}
