//! One visitor: choices, cookies, and the page where the last step ended.

use kneepoint_scenarios::UserContext;
use rand::RngExt as _;

use crate::cookies::Jar;
use crate::page::BrowserCache;
use crate::patience::Patience;
use crate::transport::Room;

/// The state of one visitor in one scenario.
pub(crate) struct Session {
    pub(crate) visit: UserContext,
    pub(crate) jar: Jar,
    /// What the visitor's browser keeps of pages; made when the first page is loaded with its assets.
    pub(crate) cache: Option<Box<BrowserCache>>,
    /// Path and query of the last page: relative links start from it.
    pub(crate) at: String,
    /// True until a journey was completed.
    pub(crate) first: bool,
    pub(crate) patience: Patience,
    pub(crate) room: Room,
}

impl Session {
    /// A visitor; equal seeds and numbers make equal journeys.
    pub(crate) fn new(seed: u64, user: u64) -> Self {
        Self {
            visit: UserContext::new(seed, user),
            jar: Jar::default(),
            cache: None,
            at: "/".into(),
            first: true,
            patience: Patience::default(),
            room: Room::default(),
        }
    }

    /// Becomes a visitor who was never here, with the same source of chance.
    pub(crate) fn forget(&mut self) {
        self.visit.values.clear();
        self.jar.clear();
        self.cache = None;
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
    /// The value of the `traceparent` header (W3C Trace Context, version 00, sampled).
    pub(crate) fn header(self) -> [u8; 55] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-01";
        hex(&self.0.to_be_bytes(), &mut text[3..35]);
        hex(&self.1.to_be_bytes(), &mut text[36..52]);
        text
    }
    /// The trace id as written in logs.
    pub(crate) fn hex(self) -> String {
        format!("{:032x}", self.0)
    }
}

/// Writes two digits for each byte.
fn hex(bytes: &[u8], out: &mut [u8]) {
    for (byte, pair) in bytes.iter().zip(out.as_chunks_mut().0) {
        *pair = PAIRS[usize::from(*byte)];
    }
}

/// The two hexadecimal digits of each byte.
static PAIRS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_headers_have_the_standard_form() {
        let trace = TraceId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210);
        assert_eq!(&trace.header(), b"00-0123456789abcdef0123456789abcdef-fedcba9876543210-01");
        assert_eq!(trace.hex(), "0123456789abcdef0123456789abcdef");
    }
}
