//! The vocabulary of kneepoint: what every other crate speaks.
//!
//! Values and their file forms. No runtime, no sockets, no command line; the one side effect is [`run`], which
//! names the files of a run folder and writes them whole or line by line.

pub mod cache_status;
pub mod cancel;
pub mod correctness;
pub mod crowd;
pub mod db;
pub mod event;
pub mod exit;
pub mod experiment;
pub mod finding;
pub mod guard;
pub mod histogram;
pub mod ladder;
pub mod live;
pub mod load;
pub mod manifest;
pub mod metric;
pub mod outcome;
pub mod page;
pub mod probe;
pub mod profile;
pub mod proxy;
pub mod run;
pub mod sample;
pub mod schedule;
pub mod secret;
pub mod server_timing;
pub mod site;
pub mod stack;
pub mod summary;
pub mod tier;
pub mod units;
pub mod verdict;
pub mod via;
pub mod warm;
