//! What to do to the site: scenario files, read, validated and trusted.
//!
//! [`raw`] is what a file says; [`Scenario`] is what is believed, with selectors, expressions and pointers compiled.
//! Nothing here talks to a network: rendering and extraction are functions of values.

mod body;
mod condition;
mod crawl;
mod extract;
mod feed;
mod import;
mod library;
mod locate;
mod markup;
mod promise;
mod raw;
mod refusal;
mod resolve;
mod rounds;
mod scenario;
mod secret;
mod shape;
mod source;
mod surroundings;
mod template;
mod think;
mod validate;
mod values;

pub use body::{Body, FileBytes, JsonTemplate, Multipart, NoBody};
pub use extract::{Answer, Extract, Miss, Source};
pub use feed::Dry;
pub use import::{ImportError, Imported, Replay, from_access_log, from_har, from_openapi};
pub use library::DEFAULT_TOML;
pub use markup::tokenize;
pub use promise::Promised;
pub use refusal::{Refusal, ScenarioError};
pub use resolve::resolve;
pub use rounds::Rounds;
pub use scenario::{Expect, Method, Scenario, SessionScope, Step};
pub use secret::Secret;
pub use source::{Pick, VarSource};
pub use template::{Encoding, Template};
pub use think::Think;
pub use values::{Value, Values, VarId, Visit};
