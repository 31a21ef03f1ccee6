//! What all handlers share: the index, the bound on open requests, and the slot for a profile.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::BookIndex;
use crate::profile_slot::ProfileSlot;
use crate::request_error::RequestError;

/// Searches that may be open at a time.
pub(crate) const IN_FLIGHT: usize = 256;

#[derive(Clone)]
pub(crate) struct EngineState {
    pub(crate) index: Arc<BookIndex>,
    in_flight: Arc<Semaphore>,
    pub(crate) profile: ProfileSlot,
}

impl EngineState {
    pub(crate) fn new(index: BookIndex) -> Self {
        let in_flight = Arc::new(Semaphore::new(IN_FLIGHT));
        Self { index: Arc::new(index), in_flight, profile: ProfileSlot::default() }
    }

    /// Admits one more open request; `Busy` when [`IN_FLIGHT`] are open.
    pub(crate) fn admit(&self) -> Result<SemaphorePermit<'_>, RequestError> {
        self.in_flight.try_acquire().map_err(|_| RequestError::Busy)
    }
}
