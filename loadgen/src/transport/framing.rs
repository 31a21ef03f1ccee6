//! Where the body of a response ends, and which of the received bytes belong to it. Pure: bytes in, bytes out.
//!
//! Source: RFC 9112 §6 (message body) and §7 (chunked).

/// Longest line of a chunk size or of trailers, and of all trailers together.
const MAX_LINE_LEN: u32 = 16 << 10;

/// How the end of a body is determined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// The response has no body.
    None,
    /// By its number of bytes.
    Length(u64),
    /// By chunks, each with its length.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

/// What is expected next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyState {
    Done,
    Data(u64),
    UntilClose,
    /// Number of hexadecimal digits so far, their value, and whether they are complete.
    Size {
        digits: u8,
        value: u64,
        over: bool,
        length: u32,
    },
    ChunkData(u64),
    /// The line end after a chunk.
    ChunkEnd {
        returned: bool,
    },
    /// Length of the current trailer line (without its line end), and of all lines.
    Trailer {
        line: u32,
        all: u32,
    },
}

const SIZE_START: BodyState = BodyState::Size { digits: 0, value: 0, over: false, length: 0 };

/// Finds the end of a body.
#[derive(Debug)]
pub(super) struct BodyReader(BodyState);

impl BodyReader {
    pub(super) fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::None | Framing::Length(0) => BodyState::Done,
            Framing::Length(length) => BodyState::Data(length),
            Framing::Chunked => SIZE_START,
            Framing::UntilClose => BodyState::UntilClose,
        })
    }

    pub(super) fn is_done(&self) -> bool {
        self.0 == BodyState::Done
    }

    /// Whether the body is complete if the connection ends now.
    pub(super) fn may_end(&self) -> bool {
        matches!(self.0, BodyState::Done | BodyState::UntilClose)
    }

    /// Passes the content of `input` to `each`, and returns how many bytes of `input` belong to the body.
    ///
    /// # Errors
    /// What is wrong with the chunks.
    pub(super) fn take(&mut self, input: &[u8], each: &mut impl FnMut(&[u8])) -> Result<usize, &'static str> {
        let mut at = 0;
        while at < input.len() {
            let rest = &input[at..];
            at += match self.0 {
                BodyState::Done => break,
                BodyState::UntilClose => {
                    each(rest);
                    rest.len()
                }
                BodyState::Data(left) => {
                    let (taken, left) = take_data(rest, left, each);
                    self.0 = if left == 0 { BodyState::Done } else { BodyState::Data(left) };
                    taken
                }
                BodyState::ChunkData(left) => {
                    let (taken, left) = take_data(rest, left, each);
                    self.0 = if left == 0 {
                        BodyState::ChunkEnd { returned: false }
                    } else {
                        BodyState::ChunkData(left)
                    };
                    taken
                }
                BodyState::Size { .. } | BodyState::ChunkEnd { .. } | BodyState::Trailer { .. } => {
                    self.0 = next_state(self.0, rest[0])?;
                    1
                }
            };
        }
        Ok(at)
    }
}

fn take_data(rest: &[u8], left: u64, each: &mut impl FnMut(&[u8])) -> (usize, u64) {
    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
    each(&rest[..taken]);
    (taken, left - taken as u64)
}

/// The state after one byte between chunk data. A single line feed ends a line (RFC 9112 §2.2).
fn next_state(state: BodyState, byte: u8) -> Result<BodyState, &'static str> {
    Ok(match (state, byte) {
        (BodyState::Size { digits: 0, .. }, b'\n' | b'\r' | b';') => return Err("a chunk without a size"),
        (BodyState::Size { value: 0, .. }, b'\n') => BodyState::Trailer { line: 0, all: 0 },
        (BodyState::Size { value, .. }, b'\n') => BodyState::ChunkData(value),
        (BodyState::Size { length: MAX_LINE_LEN, .. }, _) => return Err("a chunk's size without an end"),
        (BodyState::Size { digits, value, over: false, length }, _) if byte.is_ascii_hexdigit() => {
            if digits == 15 {
                return Err("a chunk too large");
            }
            let digit = (byte as char).to_digit(16).unwrap_or_default();
            BodyState::Size {
                digits: digits + 1,
                value: value << 4 | u64::from(digit),
                over: false,
                length: length + 1,
            }
        }
        (BodyState::Size { digits, value, over, length }, _) => {
            // Extensions are ignored; anything else after the digits is invalid.
            if !over && !matches!(byte, b';' | b'\r' | b' ' | b'\t') {
                return Err("a chunk's size that is no number");
            }
            BodyState::Size { digits, value, over: true, length: length + 1 }
        }
        (BodyState::ChunkEnd { returned: false }, b'\r') => BodyState::ChunkEnd { returned: true },
        (BodyState::ChunkEnd { .. }, b'\n') => SIZE_START,
        (BodyState::ChunkEnd { .. }, _) => return Err("a chunk longer than its size"),
        (BodyState::Trailer { line: 0, .. }, b'\n') => BodyState::Done,
        (BodyState::Trailer { all: MAX_LINE_LEN, .. }, _) => return Err("trailers without an end"),
        (BodyState::Trailer { all, .. }, b'\n') => BodyState::Trailer { line: 0, all: all + 1 },
        (BodyState::Trailer { line, all }, b'\r') => BodyState::Trailer { line, all: all + 1 },
        (BodyState::Trailer { line, all }, _) => BodyState::Trailer { line: line + 1, all: all + 1 },
        (state, _) => state,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The content, and how many bytes were taken; the input comes in pieces of at most `piece` bytes.
    fn read(framing: Framing, input: &[u8], piece: usize) -> Result<(Vec<u8>, usize, bool), &'static str> {
        let (mut body, mut content, mut taken) = (BodyReader::new(framing), Vec::new(), 0);
        for part in input.chunks(piece) {
            taken += body.take(part, &mut |data| content.extend_from_slice(data))?;
        }
        Ok((content, taken, body.is_done()))
    }

    #[test]
    fn chunks_with_extensions_and_trailers() {
        let wire = b"5;name=\"v\"\r\nhello\r\n06 \r\n world\r\n0\r\nExpires: never\r\n\r\nHTTP";
        for piece in 1..wire.len() {
            assert_eq!(
                read(Framing::Chunked, wire, piece),
                Ok((b"hello world".to_vec(), wire.len() - 4, true))
            );
        }
        assert_eq!(read(Framing::Chunked, b"1\nx\n0\n\n", 3), Ok((b"x".to_vec(), 7, true)));
        assert_eq!(read(Framing::Chunked, b"5\r\nhel", 3), Ok((b"hel".to_vec(), 6, false)));
    }

    #[test]
    fn invalid_chunks_are_refused() {
        for wire in [&b"\r\n"[..], b"x\r\n", b"5\r\nhello!", b"5-\r\n", b"1111111111111111\r\n"] {
            assert!(read(Framing::Chunked, wire, 100).is_err(), "{}", String::from_utf8_lossy(wire));
        }
        let long = "x".repeat(20_000);
        let endless = [b"0\r\n".as_slice(), long.as_bytes()].concat();
        assert!(read(Framing::Chunked, &endless, 1_000).is_err());
        assert!(read(Framing::Chunked, &[b"1;".as_slice(), long.as_bytes()].concat(), 1_000).is_err());
    }

    #[test]
    fn bytes_after_the_declared_length_are_not_taken() {
        assert_eq!(read(Framing::Length(5), b"hello!", 4), Ok((b"hello".to_vec(), 5, true)));
        assert_eq!(read(Framing::None, b"hello", 4), Ok((Vec::new(), 0, true)));
        assert_eq!(read(Framing::UntilClose, b"hello", 4), Ok((b"hello".to_vec(), 5, false)));
        assert!(
            BodyReader::new(Framing::UntilClose).may_end() && !BodyReader::new(Framing::Length(1)).may_end()
        );
    }

    proptest! {
        #[test]
        fn chunking_loses_nothing(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8), piece in 1usize..20) {
            let mut wire = Vec::new();
            for part in &parts {
                wire.extend_from_slice(format!("{:X}\r\n", part.len()).as_bytes());
                wire.extend_from_slice(part);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\n");
            prop_assert_eq!(read(Framing::Chunked, &wire, piece), Ok((parts.concat(), wire.len(), true)));
        }

        #[test]
        fn any_bytes_end_or_not(wire in prop::collection::vec(any::<u8>(), 0..200), piece in 1usize..50) {
            let _ = read(Framing::Chunked, &wire, piece);
        }
    }
}
