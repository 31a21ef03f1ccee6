//! The bookstore's search engine: a compute tier in another language, profiled natively.
//!
//! It reads books from a JSON-lines file into a tantivy index in memory and answers over HTTP:
//!
//! - `GET /search?q=…&limit=10&delay_ms=0` and `GET /similar/<id>?limit=5&delay_ms=0` → `{"took_us":…,"total":…,"hits":[{"id":…,"score":…}]}`;
//! - `GET /healthz` → `{"status":"ok","books":N}`;
//! - `GET /debug/pprof/profile?seconds=10&hz=20` → a gzipped pprof CPU profile of this process.
//!
//! What is refused is answered with a status and `{"error":"…"}`. It must not write anything, and knows nothing of the
//! site that asks it but the ids of its books.

mod answer;
mod book;
mod error;
mod index;
mod profile;
mod query;
mod routes;
mod server;

pub use answer::{Answer, Hit};
pub use book::Book;
pub use error::EngineError;
pub use index::BookIndex;
pub use query::{DelayMs, Limit, QueryError, SearchText};
pub use server::{Engine, EngineConfig, main_blocking, serve};
