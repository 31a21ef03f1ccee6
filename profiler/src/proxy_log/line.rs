//! One line of the log: JSON in, typed fields out. nginx writes every value as a string or a bare number; both are taken.

use std::borrow::Cow;

use kneepoint_model::units::{Micros, UnixMillis};
use serde::Deserialize;

/// A scalar that may stand in quotes or not; anything else reads as empty.
#[derive(Debug, Default)]
pub(super) struct Scalar<'a>(Cow<'a, str>);

/// One request as nginx saw it.
#[derive(Debug, Deserialize)]
pub(super) struct Line<'a> {
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
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    pub(super) fn number(&self) -> Option<u64> {
        self.0.trim().parse().ok()
    }

    /// Seconds with a fraction, as a moment.
    pub(super) fn moment(&self) -> Option<UnixMillis> {
        seconds(&self.0).map(|us| UnixMillis(us.0 / 1_000))
    }

    /// Seconds with a fraction, or a list of them on a retry: their sum. `None` when no upstream was asked (`-`, empty).
    pub(super) fn time(&self) -> Option<Micros> {
        let parts = self.0.split([',', ':']).filter_map(|part| seconds(part.trim()));
        parts.fold(None, |sum, part| Some(sum.unwrap_or(Micros::ZERO) + part))
    }
}

/// `12.345` as microseconds, without going through a float: moments need all their digits.
fn seconds(text: &str) -> Option<Micros> {
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
        struct Any;
        impl<'de> serde::de::Visitor<'de> for Any {
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
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Option<u64> {
        Scalar(Cow::Borrowed(text)).time().map(Micros::get)
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
    fn a_moment_keeps_its_milliseconds() {
        assert_eq!(Scalar(Cow::Borrowed("1763638979.123")).moment(), Some(UnixMillis(1_763_638_979_123)));
        let bare: Scalar<'_> = serde_json::from_str("1763638979.123").unwrap();
        assert_eq!(bare.moment(), Some(UnixMillis(1_763_638_979_123)));
    }
}
