//! An answer as checks and extraction see it: the body decoded within bounds, and what it said of itself.

use std::borrow::Cow;
use std::io::Read as _;

use flate2::read::{GzDecoder, ZlibDecoder};
use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::outcome::Outcome;
use kneepoint_model::server_timing::ServerTiming;
use kneepoint_scenarios::Answer;

use crate::cookies::Jar;
use crate::transport::{Head, Reply};

/// How the body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Deflate,
    /// Something that was not offered.
    Strange,
}

pub(crate) fn packing(head: &Head) -> Packing {
    let Some(encoding) = head.get("content-encoding") else { return Packing::Plain };
    let encoding = encoding.trim();
    let known = [
        ("", Packing::Plain),
        ("identity", Packing::Plain),
        ("gzip", Packing::Gzip),
        ("x-gzip", Packing::Gzip),
        ("deflate", Packing::Deflate),
    ];
    let found = known.into_iter().find(|(name, _)| encoding.eq_ignore_ascii_case(name));
    found.map_or(Packing::Strange, |(_, packing)| packing)
}

/// Decoded length without decoding: gzip ends with it (RFC 1952 §2.3.1, modulo 4 GiB).
pub(crate) fn decoded_len(reply: &Reply, packing: Packing) -> u64 {
    match packing {
        Packing::Gzip if reply.wire >= 18 => u64::from(u32::from_le_bytes(reply.tail)),
        _ => reply.wire,
    }
}

/// The decoded body; the words say what is wrong with it.
pub(crate) fn decode(
    body: &[u8],
    packing: Packing,
    most: u64,
) -> Result<Cow<'_, [u8]>, (Outcome, &'static str)> {
    let mut out = Vec::new();
    let read = match packing {
        Packing::Plain => return Ok(Cow::Borrowed(body)),
        Packing::Strange => return Err((Outcome::Protocol, "packed in a way that was not offered")),
        Packing::Gzip => GzDecoder::new(body).take(most + 1).read_to_end(&mut out),
        Packing::Deflate => ZlibDecoder::new(body).take(most + 1).read_to_end(&mut out),
    };
    match read {
        Err(_) => Err((Outcome::Protocol, "the packed body is damaged")),
        Ok(_) if out.len() as u64 > most => Err((Outcome::BodyTooLarge, "too large when unpacked")),
        Ok(_) => Ok(Cow::Owned(out)),
    }
}

/// What the server said of its own time.
pub(crate) fn server_timing(head: &Head) -> Option<ServerTiming> {
    let timing = ServerTiming::parse(head.get("server-timing")?);
    (!timing.is_empty()).then_some(timing)
}

/// What the caches in front said.
pub(crate) fn cache(head: &Head) -> CacheOutcome {
    head.get("cache-status").map_or(CacheOutcome::None, CacheOutcome::parse_header)
}

/// For extraction.
pub(crate) struct View<'a> {
    pub(crate) head: &'a Head,
    pub(crate) jar: &'a Jar,
    pub(crate) body: &'a str,
}

impl Answer for View<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name)
    }
    fn cookie(&self, name: &str) -> Option<String> {
        self.jar.get(name).map(str::to_owned)
    }
    fn body(&self) -> &str {
        self.body
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn bodies_are_decoded_within_bounds() {
        let packed = gzip(b"hello hello hello");
        assert_eq!(decode(&packed, Packing::Gzip, 100).as_deref(), Ok(&b"hello hello hello"[..]));
        let bomb = gzip(&vec![0; 1 << 20]);
        assert_eq!(decode(&bomb, Packing::Gzip, 1000).expect_err("bomb").0, Outcome::BodyTooLarge);
        assert_eq!(decode(b"junk", Packing::Gzip, 100).expect_err("junk").0, Outcome::Protocol);
        assert_eq!(decode(&packed[..9], Packing::Gzip, 100).expect_err("cut").0, Outcome::Protocol);
    }
}
