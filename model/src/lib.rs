//! The vocabulary of kneepoint: the types that all other crates share, with their file formats.
//!
//! No runtime, no sockets, no command line. The only side effect is [`run`], which writes the files of a run folder.

pub mod cache_status;
pub mod cancel;
pub mod correctness;
pub mod db;
pub mod event;
pub mod exit;
pub mod experiment;
pub mod finding;
pub mod histogram;
pub mod ladder;
pub mod live;
pub mod load;
pub mod load_segment;
pub mod manifest;
pub mod metric;
pub mod outcome;
pub mod page;
pub mod probe;
pub mod profile;
pub mod proxy;
pub mod rate_schedule;
pub mod run;
pub mod sample;
pub mod secret;
#[cfg(test)]
mod serialised_names;
pub mod server_timing;
pub mod site;
pub mod stack;
pub mod stage;
pub mod stop_condition;
pub mod summary;
pub mod text;
pub mod tier;
pub mod units;
pub mod unmeasured;
pub mod user_schedule;
pub mod verdict;
pub mod via;
pub mod warm;
