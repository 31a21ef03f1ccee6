//! The bookstore's search engine: a compute tier in another language, with its own CPU profiler.
//!
//! It reads books from a JSON-lines file into a tantivy index in memory and answers over HTTP:
//!
//! - `GET /search?q=…&limit=10&delay_ms=0` and `GET /similar/<id>?limit=5&delay_ms=0` → `{"took_us":…,"total":…,"hits":[{"id":…,"score":…}]}`;
//! - `GET /healthz` → `{"status":"ok","books":N}`;
//! - `GET /debug/pprof/profile?seconds=10&hz=20` → a gzipped pprof CPU profile of this process.
//!
//! A request that cannot be served gets a 4xx or 5xx status and `{"error":"…"}`. The engine must not write anything; of the
//! site it knows only the books.

mod book;
mod error;
mod index;
mod profile;
mod profile_slot;
mod query;
mod request_error;
mod response;
mod routes;
mod server;
mod state;

pub use book::Book;
pub use error::EngineError;
pub use index::BookIndex;
pub use query::{HitLimit, PlantedDelay, QueryError, SearchText};
pub use response::{Hit, SearchResponse};
pub use server::{EngineConfig, bind, main_blocking};

/// Name of the service in logs and of its threads.
pub const SERVICE_NAME: &str = "engine";
