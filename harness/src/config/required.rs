//! Values of the merged configuration, which has every key of default.toml.

use std::time::Duration;

use kneepoint_model::units::Span;
use serde::Serializer;

/// The value of a key that default.toml sets.
pub(super) fn required<T>(value: Option<T>) -> T {
    value.expect("default.toml sets every key that has no other meaning; a test checks it")
}

/// The length of time of a key that default.toml sets.
pub(super) fn required_time(value: Option<Span>) -> Duration {
    required(value).0
}

/// Serializes a length of time as it is written in the file, e.g. `20s`.
pub(super) fn serialize_time<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Span(*time))
}
