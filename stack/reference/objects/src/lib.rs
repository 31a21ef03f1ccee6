//! The reference stack's object store: media by the S3 protocol, so that application servers hold no state.
//!
//! The protocol and the storage are `s3s` and `s3s-fs`. This crate adds the access rule, a health path, and start and
//! graceful shutdown:
//!
//! - `GET /healthz` → `{"status":"ok"}`;
//! - `GET` and `HEAD /media/<key>` without keys: the proxy serves the bucket [`PUBLIC_BUCKET`] to everybody;
//! - everything else with the store's keys (Signature Version 4), path style: `/<bucket>/<key>`.
//!
//! Objects are plain files below the folder, `<bucket>/<key>`; their metadata (type, caching) is in dot files beside the
//! buckets. The store is deleted with its stack: there are no versions, no policies and no other region.

mod access;
mod error;
mod keys;
mod routes;
mod server;
mod storage;

pub use access::PUBLIC_BUCKET;
pub use error::ObjectsError;
pub use keys::Keys;
pub use server::{ObjectsConfig, bind, main_blocking};

/// Name of the service in logs and of its threads.
pub const SERVICE_NAME: &str = "objects";
