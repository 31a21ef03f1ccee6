//! One phase of load: what its requests share, how it runs, and the result.

pub(crate) mod block;
mod collector;
pub(crate) mod context;
pub(crate) mod health;
pub(crate) mod live;
mod plan_record;
pub(crate) mod prepared;
pub(crate) mod recover;
mod result;
pub(crate) mod run;
pub(crate) mod run_folder;
pub(crate) mod validity;
