//! Content codings: what is accepted, how a body is encoded, its decoded length, and decoding within bounds. Pure.

use std::borrow::Cow;
use std::io::{self, Read};

use brotli_decompressor::Decompressor;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use kneepoint_model::outcome::Outcome;
use ruzstd::decoding::StreamingDecoder;
use serde::{Deserialize, Serialize};

/// A content coding, as in `Accept-Encoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentCoding {
    /// gzip (RFC 1952).
    Gzip,
    /// zlib (RFC 1950): that is the meaning of the name (RFC 9110 §8.4.1.2).
    Deflate,
    /// Brotli (RFC 7932).
    Br,
    /// Zstandard (RFC 8878), with windows up to 8 MiB (RFC 9659).
    Zstd,
}

impl ContentCoding {
    const ALL: [Self; 4] = [Self::Gzip, Self::Deflate, Self::Br, Self::Zstd];

    /// The name in headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Br => "br",
            Self::Zstd => "zstd",
        }
    }

    /// Whether an encoded body carries its decoded length.
    pub(crate) const fn carries_decoded_len(self) -> bool {
        matches!(self, Self::Gzip)
    }
}

/// The value of `Accept-Encoding`. Without the header any coding would be accepted (RFC 9110 §12.5.3), so no codings are
/// `identity`.
pub(crate) fn accept_encoding_value(codings: &[ContentCoding]) -> String {
    if codings.is_empty() {
        return "identity".to_owned();
    }
    codings.iter().map(|coding| coding.name()).collect::<Vec<_>>().join(", ")
}

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyEncoding {
    Identity,
    Coded(ContentCoding),
    /// A coding that is not supported here, or several.
    Unknown,
}

impl BodyEncoding {
    /// From the value of `Content-Encoding`.
    pub(crate) fn from_header(encoding: Option<&str>) -> Self {
        let encoding = encoding.unwrap_or_default().trim();
        if encoding.is_empty() || encoding.eq_ignore_ascii_case("identity") {
            return Self::Identity;
        }
        if encoding.eq_ignore_ascii_case("x-gzip") {
            return Self::Coded(ContentCoding::Gzip);
        }
        let found =
            ContentCoding::ALL.into_iter().find(|coding| encoding.eq_ignore_ascii_case(coding.name()));
        found.map_or(Self::Unknown, Self::Coded)
    }
}

/// The frame around gzip data (RFC 1952 §2.3), and an empty block.
const MIN_GZIP_LEN: u64 = 20;
/// deflate makes at most 258 bytes from two bits, so at most 1032 from one byte.
const MAX_DEFLATE_RATIO: u64 = 1032;

/// Decoded length of a body of `wire` bytes, where it is known without decoding: gzip ends with it (RFC 1952 §2.3.1: modulo 4
/// GiB, and of its last member only, which in practice is the only one). A length that is impossible is ignored.
pub(crate) fn decoded_len(encoding: BodyEncoding, wire: u64, tail: [u8; 4]) -> Option<u64> {
    match encoding {
        BodyEncoding::Identity => Some(wire),
        // Responses to HEAD, and those without a body, may have a `Content-Encoding` all the same.
        _ if wire == 0 => Some(0),
        BodyEncoding::Coded(ContentCoding::Gzip) => {
            let reported = u64::from(u32::from_le_bytes(tail));
            let is_possible = wire >= MIN_GZIP_LEN && reported <= wire.saturating_mul(MAX_DEFLATE_RATIO);
            is_possible.then_some(reported)
        }
        BodyEncoding::Coded(_) | BodyEncoding::Unknown => None,
    }
}

/// The decoded body, of at most `max_body` bytes; the error has a message.
pub(crate) fn decode(
    body: &[u8],
    encoding: BodyEncoding,
    max_body: u64,
) -> Result<Cow<'_, [u8]>, (Outcome, &'static str)> {
    let decoded = match encoding {
        BodyEncoding::Identity => return Ok(Cow::Borrowed(body)),
        BodyEncoding::Unknown => return Err((Outcome::Protocol, "encoded in a way that is not supported")),
        BodyEncoding::Coded(ContentCoding::Gzip) => read_bounded(MultiGzDecoder::new(body), max_body),
        BodyEncoding::Coded(ContentCoding::Deflate) => read_bounded(ZlibDecoder::new(body), max_body),
        BodyEncoding::Coded(ContentCoding::Br) => read_bounded(Decompressor::new(body, 4096), max_body),
        BodyEncoding::Coded(ContentCoding::Zstd) => decode_zstd(body, max_body),
    };
    match decoded {
        Err(_) => Err((Outcome::Protocol, "the encoded body is damaged")),
        Ok(out) if out.len() as u64 > max_body => Err((Outcome::BodyTooLarge, "too large when decoded")),
        Ok(out) => Ok(Cow::Owned(out)),
    }
}

/// Reads at most one byte more than `max_body`.
fn read_bounded(decoder: impl Read, max_body: u64) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    decoder.take(max_body.saturating_add(1)).read_to_end(&mut out)?;
    Ok(out)
}

/// Decodes all frames of a body, one after the other.
fn decode_zstd(mut body: &[u8], max_body: u64) -> io::Result<Vec<u8>> {
    const LARGEST_WINDOW: u64 = 8 << 20;
    let mut out = Vec::new();
    while !body.is_empty() && out.len() as u64 <= max_body {
        let frame = StreamingDecoder::new_with_max_window_size(&mut body, LARGEST_WINDOW);
        let frame = frame.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        out.extend(read_bounded(frame, max_body - out.len() as u64)?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use proptest::prelude::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn encode(coding: ContentCoding, text: &[u8]) -> Vec<u8> {
        match coding {
            ContentCoding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(text).expect("memory");
                encoder.finish().expect("memory")
            }
            ContentCoding::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(text).expect("memory");
                encoder.finish().expect("memory")
            }
            ContentCoding::Br => {
                let mut out = Vec::new();
                let mut encoder = brotli::CompressorWriter::new(&mut out, 4096, 5, 20);
                encoder.write_all(text).expect("memory");
                drop(encoder);
                out
            }
            ContentCoding::Zstd => compress_to_vec(text, CompressionLevel::Fastest),
        }
    }

    fn length(coding: ContentCoding, body: &[u8]) -> Option<u64> {
        let tail = body.last_chunk::<4>().copied().unwrap_or_default();
        decoded_len(BodyEncoding::Coded(coding), body.len() as u64, tail)
    }

    #[test]
    fn bodies_are_decoded_within_bounds_in_every_coding() {
        for coding in ContentCoding::ALL {
            let encoding = BodyEncoding::from_header(Some(coding.name()));
            let text = b"hello hello hello, all of you and you and you".repeat(20);
            let body = encode(coding, &text);
            assert_eq!(decode(&body, encoding, 1_000).as_deref(), Ok(&text[..]), "{coding:?}");
            let bomb = encode(coding, &vec![0; 1 << 20]);
            assert_eq!(
                decode(&bomb, encoding, 1000).expect_err("bomb").0,
                Outcome::BodyTooLarge,
                "{coding:?}"
            );
            assert_eq!(decode(b"junk", encoding, 100).expect_err("junk").0, Outcome::Protocol, "{coding:?}");
            let cut = decode(&body[..body.len() / 2], encoding, 1_000);
            assert_eq!(cut.expect_err("cut").0, Outcome::Protocol, "{coding:?}");
        }
        assert_eq!(
            decode(b"x", BodyEncoding::from_header(Some("compress")), 9).expect_err("unknown").0,
            Outcome::Protocol
        );
        assert_eq!(BodyEncoding::from_header(Some(" Identity ")), BodyEncoding::Identity);
        assert_eq!(BodyEncoding::from_header(Some("x-gzip")), BodyEncoding::Coded(ContentCoding::Gzip));
    }

    #[test]
    fn only_gzip_carries_its_length_and_impossible_lengths_are_ignored() {
        let text = vec![b'x'; 5_000];
        assert_eq!(length(ContentCoding::Gzip, &encode(ContentCoding::Gzip, &text)), Some(5_000));
        for coding in [ContentCoding::Deflate, ContentCoding::Br, ContentCoding::Zstd] {
            assert_eq!(length(coding, &encode(coding, &text)), None, "{coding:?}");
        }
        let mut lying = encode(ContentCoding::Gzip, &text);
        let end = lying.len() - 4;
        lying[end..].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(length(ContentCoding::Gzip, &lying), None);
        assert_eq!(decoded_len(BodyEncoding::Identity, 7, [0; 4]), Some(7));
        assert_eq!(decoded_len(BodyEncoding::Unknown, 7, [0; 4]), None);
    }

    #[test]
    fn no_codings_are_offered_as_identity() {
        assert_eq!(accept_encoding_value(&[ContentCoding::Br, ContentCoding::Gzip]), "br, gzip");
        assert_eq!(accept_encoding_value(&[]), "identity");
    }

    proptest! {
        #[test]
        fn an_encoded_body_is_decoded(text in prop::collection::vec(any::<u8>(), 0..3_000), more in prop::collection::vec(any::<u8>(), 0..50)) {
            for coding in ContentCoding::ALL {
                let body = encode(coding, &text);
                let encoding = BodyEncoding::Coded(coding);
                let decoded = decode(&body, encoding, 3_000);
                prop_assert_eq!(decoded.as_deref(), Ok(&text[..]));
                if coding.carries_decoded_len() && !text.is_empty() {
                    prop_assert_eq!(length(coding, &body), Some(text.len() as u64));
                }
            }
            // Several members or frames are one body.
            for coding in [ContentCoding::Gzip, ContentCoding::Zstd] {
                let body = [encode(coding, &text), encode(coding, &more)].concat();
                let whole = [&text[..], &more].concat();
                let decoded = decode(&body, BodyEncoding::Coded(coding), 4_000);
                prop_assert_eq!(decoded.as_deref(), Ok(&whole[..]));
            }
        }

        #[test]
        fn garbage_is_never_more_than_the_bound(body in prop::collection::vec(any::<u8>(), 0..300)) {
            for coding in ContentCoding::ALL {
                if let Ok(out) = decode(&body, BodyEncoding::Coded(coding), 100) {
                    prop_assert!(out.len() <= 100);
                }
            }
        }
    }
}
