//! One exchange: a GET sent, its answer read to the end, timed and bounded; nothing followed, nothing kept.

mod answer;
mod client;
mod coding;
mod failure;
mod via;

pub(crate) use answer::Answer;
pub(crate) use client::{Client, ClientPlan};
pub(crate) use coding::{Decoded, compressible, gzip_size};
pub(crate) use failure::{NoAnswer, Refusal};
pub(crate) use via::connecting;
