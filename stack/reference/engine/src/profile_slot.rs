//! A slot for one profile at a time, because the profiling timer belongs to the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::request_error::RequestError;

#[derive(Clone, Default)]
pub(crate) struct ProfileSlot(Arc<AtomicBool>);

/// Held while a profile runs; dropping it frees the slot, also when the client disconnects.
pub(crate) struct ProfilePermit(ProfileSlot);

impl ProfileSlot {
    pub(crate) fn acquire(&self) -> Result<ProfilePermit, RequestError> {
        if self.0.swap(true, Ordering::AcqRel) {
            Err(RequestError::ProfileRunning)
        } else {
            Ok(ProfilePermit(self.clone()))
        }
    }
}

impl Drop for ProfilePermit {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_profile_at_a_time() {
        let slot = ProfileSlot::default();
        let permit = slot.acquire();
        assert!(permit.is_ok() && slot.acquire().is_err());
        drop(permit);
        assert!(slot.acquire().is_ok());
    }
}
