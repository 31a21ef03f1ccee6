//! What the stack uses of this machine: ports, processes, files, programs. Nothing here knows a tier or a driver.

pub(crate) mod disk;
pub(crate) mod exec;
pub(crate) mod folder;
pub(crate) mod hash;
pub(crate) mod http;
pub(crate) mod listeners;
pub(crate) mod lock;
pub(crate) mod ports;
pub(crate) mod redact;
