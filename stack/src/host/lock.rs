//! One kneepoint at a time: an advisory file lock, which the kernel releases when its holder ends in any way.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::StackError;

/// Held until dropped. The descriptor is closed at exec, so no child process keeps it.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held for its destructor")] File);

/// Takes the lock, waiting for another holder until the deadline; `waiting` is called once if there is one.
///
/// # Errors
/// `Locked` after the deadline; `Cancelled`; `Io`.
pub(crate) fn take(
    path: &Path,
    deadline: Duration,
    cancel: &Cancel,
    waiting: &mut dyn FnMut(),
) -> Result<Lock, StackError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(StackError::io("open the lock", path))?;
    let started = Instant::now();
    let mut announced = false;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Lock(file)),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(error) => return Err(StackError::io("lock", path)(error.into())),
        }
        if !announced {
            waiting();
            announced = true;
        }
        let waited = started.elapsed();
        if waited >= deadline {
            return Err(StackError::Locked { path: path.to_owned(), waited });
        }
        if cancel.sleep(Duration::from_millis(50)) {
            return Err(StackError::Cancelled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_waits_and_takes_the_lock_when_the_first_ends() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("lock");
        let first = take(&path, Duration::ZERO, &Cancel::new(), &mut || {}).unwrap();
        let mut announced = 0;
        let refused = take(&path, Duration::ZERO, &Cancel::new(), &mut || announced += 1);
        assert!(matches!(refused, Err(StackError::Locked { .. })) && announced == 1);
        let cancel = Cancel::new();
        cancel.cancel();
        let stopped = take(&path, Duration::from_secs(9), &cancel, &mut || {});
        assert!(matches!(stopped, Err(StackError::Cancelled)));
        drop(first);
        take(&path, Duration::ZERO, &Cancel::new(), &mut || unreachable!("the lock is free")).unwrap();
    }
}
