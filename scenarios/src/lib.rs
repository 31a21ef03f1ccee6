//! What to do to the site: scenario files, read, validated and trusted.
//!
//! [`raw`] is what a file says; [`Scenario`] is what is believed, with selectors, expressions and pointers compiled.
//! Nothing here talks to a network: rendering and extraction are functions of values.

mod crawl;
mod extract;
mod import;
mod library;
mod locate;
mod raw;
mod refusal;
mod resolve;
mod scenario;
mod shape;
mod template;
mod validate;
mod values;

pub use extract::{Answer, Extract, Miss, Source};
pub use import::{ImportError, Imported, Replay, from_access_log, from_har, from_openapi};
pub use library::DEFAULT_TOML;
pub use refusal::{Refusal, ScenarioError};
pub use resolve::resolve;
pub use scenario::{Body, Expect, JsonTemplate, Method, Scenario, SessionScope, Step, Think};
pub use template::{Encoding, Template};
pub use values::{Pick, Value, Values, VarId, VarSource, Visit};
