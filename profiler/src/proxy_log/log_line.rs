//! Parses one log line from JSON to typed fields. nginx writes values as strings or bare numbers; both are accepted.

use std::borrow::Cow;

use kneepoint_model::units::{Micros, UnixMillis};
use serde::Deserialize;

/// A scalar, quoted or not; any other JSON value becomes empty.
#[derive(Debug, Default)]
pub(super) struct Scalar<'a>(Cow<'a, str>);

/// One request as logged by nginx.
#[derive(Debug, Deserialize)]
pub(super) struct LogLine<'a> {
    #[serde(borrow)]
    pub(super) msec: Scalar<'a>,
    #[serde(borrow, default)]
    pub(super) uri: Scalar<'a>,
    #[serde(borrow)]
    pub(super) status: Scalar<'a>,
    #[serde(borrow, default)]
    pub(super) bytes_sent: Scalar<'a>,
    #[serde(borrow, default)]
    pub(super) request_time: Scalar<'a>,
    #[serde(borrow, default)]
    pub(super) upstream_connect_time: Scalar<'a>,
    #[serde(borrow, default)]
    pub(super) upstream_header_time: Scalar<'a>,
    #[serde(borrow, default)]
    pub(super) upstream_response_time: Scalar<'a>,
    #[serde(borrow, default)]
    pub(super) upstream_cache_status: Scalar<'a>,
    #[serde(borrow, default)]
    pub(super) connection_requests: Scalar<'a>,
    #[serde(borrow, default)]
    pub(super) server_timing: Scalar<'a>,
}

impl Scalar<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn as_u64(&self) -> Option<u64> {
        self.0.trim().parse().ok()
    }

    /// Parses seconds with a fraction as a point in time.
    pub(super) fn as_time(&self) -> Option<UnixMillis> {
        parse_seconds(&self.0).map(|us| UnixMillis(us.0 / 1_000))
    }

    /// Parses seconds with a fraction; a list of them, after a retry, is summed. `None` when no upstream was used
    /// (`-`, empty).
    pub(super) fn as_duration(&self) -> Option<Micros> {
        let parts = self.0.split([',', ':']).filter_map(|part| parse_seconds(part.trim()));
        parts.fold(None, |sum, part| Some(sum.unwrap_or(Micros::ZERO) + part))
    }
}

/// Parses `12.345` to microseconds without a float, because timestamps need all their digits.
fn parse_seconds(text: &str) -> Option<Micros> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let padded = format!("{fraction:0<6}");
    let micros: u64 = padded.get(..6)?.parse().ok()?;
    Some(Micros(whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)?))
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;
        impl<'de> serde::de::Visitor<'de> for ScalarVisitor {
            type Value = Scalar<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string or a number such as \"0.012\" or 0.012")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
                Ok(Scalar(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
                Ok(Scalar(Cow::Owned(text.to_owned())))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Scalar<'de>, E> {
                Ok(Scalar(Cow::Owned(number.to_string())))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Scalar<'de>, E> {
                Ok(Scalar(Cow::Owned(number.to_string())))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Scalar<'de>, E> {
                Ok(Scalar(Cow::Owned(format!("{number:.3}"))))
            }
            fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
                Ok(Scalar::default())
            }
        }
        deserializer.deserialize_any(ScalarVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Option<u64> {
        Scalar(Cow::Borrowed(text)).as_duration().map(Micros::get)
    }

    #[test]
    fn times_are_sums_over_retries_or_absent() {
        assert_eq!(time("0.012"), Some(12_000));
        assert_eq!(time("0.001, 0.250"), Some(251_000));
        assert_eq!(time("0.001 : -, 0.002"), Some(3_000));
        assert_eq!(
            (time("-"), time(""), time("x"), time("-1.0"), time("1.0.0")),
            (None, None, None, None, None)
        );
    }

    #[test]
    fn a_timestamp_keeps_its_milliseconds() {
        assert_eq!(Scalar(Cow::Borrowed("1763638979.123")).as_time(), Some(UnixMillis(1_763_638_979_123)));
        let bare: Scalar<'_> = serde_json::from_str("1763638979.123").unwrap();
        assert_eq!(bare.as_time(), Some(UnixMillis(1_763_638_979_123)));
    }
}
