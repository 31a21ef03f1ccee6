//! One exchange: sends a GET and reads the response to its end, timed and bounded. Follows nothing and stores
//! nothing.

mod client;
mod content_coding;
mod failure;
mod response;
mod via;

pub(crate) use client::{Client, ClientPlan};
pub(crate) use content_coding::{DecodedBody, gzip_size, is_compressible};
pub(crate) use failure::{ConnectionFailure, ExchangeError};
pub(crate) use response::Response;
pub(crate) use via::apply_via;
