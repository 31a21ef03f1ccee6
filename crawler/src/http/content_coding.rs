//! Content codings: bytes on the wire and decoded bytes, both bounded.
//!
//! Only gzip is advertised, so that sizes on the wire are comparable. A small file that inflates without end is cut
//! at the same limit as any body.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::GzEncoder;
use kneepoint_model::text::clip;

/// Result of decoding a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DecodedBody {
    /// The complete body.
    Whole(Vec<u8>),
    /// The first bytes; the rest exceeds the limit.
    Cut(Vec<u8>),
    /// A coding that the request did not accept; holds its name.
    Foreign(String),
    /// The body is not valid for its coding; holds the reason.
    Broken(String),
}

impl DecodedBody {
    /// The decoded bytes; empty when the body is not readable.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) | Self::Cut(bytes) => bytes,
            Self::Foreign(_) | Self::Broken(_) => &[],
        }
    }
}

/// Decodes `wire` by its `Content-Encoding`, to at most `limit` bytes; `cut` is true when the wire bytes are
/// incomplete.
pub(crate) fn decode(coding: Option<&str>, wire: Vec<u8>, cut: bool, limit: usize) -> DecodedBody {
    match coding.map(str::trim).unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "identity" if cut => DecodedBody::Cut(wire),
        "" | "identity" => DecodedBody::Whole(wire),
        "gzip" | "x-gzip" => inflate(MultiGzDecoder::new(wire.as_slice()), "gzip", cut, limit),
        "deflate" => inflate(ZlibDecoder::new(wire.as_slice()), "deflate", cut, limit),
        other => DecodedBody::Foreign(clip(other, 40).to_owned()),
    }
}

fn inflate(decoder: impl Read, name: &str, cut: bool, limit: usize) -> DecodedBody {
    let mut out = Vec::new();
    // One byte more than the limit distinguishes a body that just fits from one that does not.
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    match decoder.take(bound).read_to_end(&mut out) {
        Ok(_) if out.len() > limit => {
            out.truncate(limit);
            DecodedBody::Cut(out)
        }
        Ok(_) => DecodedBody::Whole(out),
        Err(_) if cut => DecodedBody::Cut(out),
        Err(error) => DecodedBody::Broken(format!("the body is not valid {name}: {error}")),
    }
}

/// Size of `body` after gzip at level 6, the usual level of servers.
pub(crate) fn gzip_size(body: &[u8]) -> u64 {
    let mut encoder = GzEncoder::new(ByteCounter(0), Compression::new(6));
    // The counting writer never fails, so the encoder does not either.
    let _ = encoder.write_all(body);
    encoder.finish().map_or(0, |counter| counter.0)
}

struct ByteCounter(u64);

impl Write for ByteCounter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Content types that compress well: text in all its forms, not formats that are already compressed.
pub(crate) fn is_compressible(content_type: &str) -> bool {
    content_type.starts_with("text/")
        || content_type.ends_with("+json")
        || content_type.ends_with("+xml")
        || matches!(
            content_type,
            "application/json"
                | "application/javascript"
                | "application/x-javascript"
                | "application/xml"
                | "application/manifest+json"
                | "application/wasm"
                | "font/ttf"
                | "font/otf"
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_small_file_that_inflates_without_end_is_cut() {
        let bomb = gzip(&vec![0; 3_000_000]);
        assert!(bomb.len() < 10_000);
        let DecodedBody::Cut(bytes) = decode(Some("gzip"), bomb, false, 1_000) else { panic!("not cut") };
        assert_eq!(bytes.len(), 1_000);
    }

    #[test]
    fn wrong_or_unrequested_codings_are_named() {
        assert!(matches!(decode(Some("gzip"), b"plain".to_vec(), false, 100), DecodedBody::Broken(_)));
        assert_eq!(decode(Some("br"), b"x".to_vec(), false, 100), DecodedBody::Foreign("br".into()));
        assert_eq!(decode(Some("Identity"), b"x".to_vec(), false, 100), DecodedBody::Whole(b"x".to_vec()));
        let half = gzip(&(0..2_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>());
        let half = half[..half.len() / 2].to_vec();
        assert!(matches!(decode(Some("gzip"), half.clone(), true, 1 << 20), DecodedBody::Cut(_)));
        assert!(matches!(decode(Some("gzip"), half, false, 1 << 20), DecodedBody::Broken(_)));
    }

    #[test]
    fn the_size_that_gzip_would_have_is_the_size_that_it_has() {
        let body = "<li>one book</li>".repeat(200);
        assert_eq!(gzip_size(body.as_bytes()), gzip(body.as_bytes()).len() as u64);
    }

    proptest! {
        #[test]
        fn what_was_packed_is_unpacked(body in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            prop_assert_eq!(decode(Some("gzip"), gzip(&body), false, 2_000), DecodedBody::Whole(body));
        }

        #[test]
        fn garbage_is_never_more_than_the_bound(wire in proptest::collection::vec(any::<u8>(), 0..500)) {
            for coding in ["gzip", "deflate"] {
                prop_assert!(decode(Some(coding), wire.clone(), false, 100).bytes().len() <= 100);
            }
        }
    }
}
