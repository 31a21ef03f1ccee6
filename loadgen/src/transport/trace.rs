//! Trace ids, by which a request is found in the logs of the server.

use http::header::HeaderName;

/// Header of W3C Trace Context.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

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
