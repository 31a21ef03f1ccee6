//! MySQL and `MariaDB`: statements by digest, counters, errors, plans.
//!
//! `session` asks, everything else reads answers: tables of text in, values out, without a server.

mod digests;
mod errors;
mod explain;
mod session;
mod settings;
mod status;
mod store;
mod table;

pub(super) use store::MysqlStore;
