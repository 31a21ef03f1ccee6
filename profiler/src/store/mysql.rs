//! MySQL and `MariaDB`: statements by digest, counters, errors, plans.
//!
//! `session` sends queries; everything else parses results without a server: text tables in, values out.

mod digests;
mod errors;
mod explain;
mod session;
mod settings;
mod status;
mod store;
mod table;

pub(super) use store::MysqlStore;
