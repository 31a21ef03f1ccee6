//! What all requests of a phase share: the prepared plan, the recorder, the counters, and the signal to stop.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Semaphore;

use crate::error::LoadError;
use crate::phase::health::GeneratorThreads;
use crate::phase::prepared::PreparedPhase;
use crate::recorder::Recorder;
use crate::user::cookies::CookieJar;

/// SharedConnections by all tasks of a phase, for as long as it lasts.
pub(crate) struct PhaseContext {
    /// Never changes while the phase runs.
    pub(crate) prepared: PreparedPhase,
    pub(crate) recorder: Recorder,
    pub(crate) counters: Counters,
    /// Slots for requests in flight, in the open model.
    pub(crate) slots: Option<Semaphore>,
    pub(crate) threads: GeneratorThreads,
    /// Cookies of the clients of a log that is replayed, by their number; empty otherwise.
    pub(crate) cookie_jars: Vec<Mutex<CookieJar>>,
    /// Set when nothing may wait any longer.
    pub(crate) abort: AtomicBool,
    /// Why a custom journey makes all figures of the phase meaningless.
    fault: Mutex<Option<LoadError>>,
}

/// Counters and gauges of a phase, updated by every request.
pub(crate) struct Counters {
    /// Journeys begun, for numbering.
    pub(crate) journeys: AtomicU64,
    /// Journeys begun, by scenario.
    pub(crate) scenario_journeys: Vec<AtomicU64>,
    /// Journeys picked from the mix (closed model) or users (open model), for numbering.
    pub(crate) arrivals: AtomicU64,
    /// goose users, for numbering.
    pub(crate) goose_users: AtomicU64,
    pub(crate) in_flight: AtomicI64,
    /// Requests that failed for want of ports or file descriptors on this machine.
    pub(crate) local_faults: AtomicU64,
}

impl PhaseContext {
    /// `slots` is how many requests may be in flight in the open model.
    pub(crate) fn new(prepared: PreparedPhase, slots: usize) -> Self {
        let plan = &prepared.plan;
        let segment_ends = plan.segment_ends().into_iter().map(|end| prepared.window.from + end).collect();
        let clients = plan.load.replay().map_or(0, |recorded| recorded.log.client_count());
        Self {
            recorder: Recorder::new(prepared.window, segment_ends, prepared.endpoints.len()),
            counters: Counters {
                journeys: AtomicU64::new(0),
                scenario_journeys: plan.scenarios.iter().map(|_| AtomicU64::new(0)).collect(),
                arrivals: AtomicU64::new(0),
                goose_users: AtomicU64::new(0),
                in_flight: AtomicI64::new(0),
                local_faults: AtomicU64::new(0),
            },
            slots: plan.load.is_open().then(|| Semaphore::new(slots)),
            threads: GeneratorThreads::default(),
            cookie_jars: (0..clients).map(|_| Mutex::default()).collect(),
            abort: AtomicBool::new(false),
            fault: Mutex::new(None),
            prepared,
        }
    }

    /// Stops the phase because a custom journey did something that was not planned. The first fault is the one that is
    /// reported.
    pub(crate) fn fail(&self, journey: &str, problem: &str) {
        let fault = LoadError::Journey { journey: journey.to_owned(), problem: problem.to_owned() };
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
        self.abort.store(true, Ordering::Relaxed);
    }

    /// The fault that stopped the phase, as an error.
    pub(crate) fn take_fault(&self) -> Result<(), LoadError> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.abort.load(Ordering::Relaxed)
    }

    pub(crate) fn in_flight(&self) -> u64 {
        u64::try_from(self.counters.in_flight.load(Ordering::Relaxed)).unwrap_or_default()
    }
}
