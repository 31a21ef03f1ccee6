//! Registers an owned file descriptor with tokio's reactor. The only unsafe call of this crate.

#![expect(unsafe_code, reason = "tokio's registration trusts the caller that the descriptor stays open")]

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Watches `fd` for being readable. Must be called in a runtime whose I/O driver is enabled.
pub(super) fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd is open and always gives the same descriptor; the AsyncFd owns it until it is dropped, and hands
    // it out by shared reference only, through which it can be neither closed nor replaced.
    Ok(unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?)
}
