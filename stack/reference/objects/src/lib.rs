//! The reference stack's object store: media behind the S3 protocol, so that no state is left on the app servers.
//!
//! The protocol and the storage are `s3s` and `s3s-fs`; here is only who may do what, a health path, and starting and
//! ending in good order:
//!
//! - `GET /healthz` → `{"status":"ok"}`;
//! - `GET` and `HEAD /media/<key>` for everybody: the bucket [`PUBLIC_BUCKET`] is what visitors see through the proxy;
//! - everything else with the store's keys (Signature Version 4), path style: `/<bucket>/<key>`.
//!
//! Objects are plain files below the folder, `<bucket>/<key>`, with what was said of them (type, caching) in dot files
//! beside the buckets. The store is thrown away with its stack: there are no versions, no policies and no other region.

mod access;
mod error;
mod keys;
mod server;

pub use access::PUBLIC_BUCKET;
pub use error::ObjectsError;
pub use keys::Keys;
pub use server::{Objects, ObjectsConfig, main_blocking, serve};
