//! One visitor: choices, cookies, and the page where the last step ended.

use kneepoint_scenarios::Visit;
use rand::RngExt as _;

use crate::cookies::Jar;

/// The state of one visitor in one scenario.
pub(crate) struct Session {
    pub(crate) visit: Visit,
    pub(crate) jar: Jar,
    /// Path and query of the last page: relative links start from it.
    pub(crate) at: String,
    /// True until a journey was completed.
    pub(crate) first: bool,
}

impl Session {
    /// A visitor; equal seeds and numbers make equal journeys.
    pub(crate) fn new(seed: u64, user: u64) -> Self {
        Self { visit: Visit::new(seed, user), jar: Jar::default(), at: "/".into(), first: true }
    }

    /// Becomes a visitor who was never here, with the same source of chance.
    pub(crate) fn forget(&mut self) {
        self.visit.values.clear();
        self.jar.clear();
        self.at.clear();
        self.at.push('/');
    }

    /// A trace id for one request; `nonce` keeps runs of the same seed apart in the server's logs.
    pub(crate) fn trace(&mut self, nonce: u64) -> TraceId {
        TraceId(
            self.visit.rng.random::<u128>() ^ (u128::from(nonce) << 64),
            self.visit.rng.random::<u64>() | 1,
        )
    }
}

/// W3C trace id and span id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TraceId(pub(crate) u128, pub(crate) u64);

impl TraceId {
    /// The `traceparent` header (W3C Trace Context, version 00, sampled).
    pub(crate) fn header(self) -> http::HeaderValue {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-01";
        for (at, byte) in text[3..35].iter_mut().enumerate() {
            *byte = HEX[(self.0 >> (124 - 4 * at)) as usize & 15];
        }
        for (at, byte) in text[36..52].iter_mut().enumerate() {
            *byte = HEX[(self.1 >> (60 - 4 * at)) as usize & 15];
        }
        http::HeaderValue::from_bytes(&text).expect("hexadecimal digits and dashes")
    }
    /// The trace id as written in logs.
    pub(crate) fn hex(self) -> String {
        format!("{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_headers_have_the_standard_form() {
        let trace = TraceId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210);
        assert_eq!(
            trace.header().to_str().ok(),
            Some("00-0123456789abcdef0123456789abcdef-fedcba9876543210-01")
        );
        assert_eq!(trace.hex(), "0123456789abcdef0123456789abcdef");
    }
}
