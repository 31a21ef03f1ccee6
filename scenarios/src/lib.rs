//! Scenario files: parsed, validated, compiled and rendered; and scenario files generated from logs, recordings and API documents.
//!
//! [`raw`] mirrors the file; [`Scenario`] is the validated form, with selectors, expressions and pointers compiled.
//! This crate never uses the network: rendering and extraction are functions of values.

mod body;
mod condition;
mod crawl;
mod error;
mod extract;
mod feed;
mod html_tokenizer;
mod import;
mod library;
mod raw;
mod repeat;
mod resolve;
mod scenario;
mod scenario_env;
mod secret;
mod slo;
mod source;
mod source_location;
mod template;
mod think_time;
mod url_template;
mod user_context;
mod validate;
mod value;
mod values;

pub use body::{Body, BodyError, FileBytes, JsonTemplate, Multipart};
pub use error::{Diagnostic, ScenarioError};
pub use extract::{Extract, ExtractInput, ExtractSource, MissingExtract};
pub use feed::FeedExhausted;
pub use html_tokenizer::tokenize_html;
pub use import::{ImportError, Imported, Replay, from_access_log, from_har, from_openapi};
pub use library::DEFAULT_TOML;
pub use repeat::Repetitions;
pub use resolve::resolve;
pub use scenario::{Expectation, Method, Scenario, SessionScope, Step};
pub use secret::Secret;
pub use slo::StepSlo;
pub use source::{VarPick, VarSource};
pub use template::{Encoding, Template};
pub use think_time::ThinkTime;
pub use user_context::UserContext;
pub use value::Value;
pub use values::{Values, VarId};
