//! The syntax of a response head: one status line, field lines, an empty line; each byte is read once. Pure.
//!
//! Sources: RFC 9112 §2.2 (line ends), §4 (status line), §5 (field lines); RFC 9110 §5.5 (values), §5.6.2 (names). This is the
//! hottest loop of the generator, and therefore our own: parsing heads by httparse took three in ten of all instructions of a
//! request. Tests compare it with httparse, which must parse every head in the same way.

/// The status line of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StatusLine {
    pub(super) code: u16,
    /// HTTP/1.1, not 1.0.
    pub(super) is_http11: bool,
}

/// Start, and the byte after the end.
pub(super) type ByteRange = (usize, usize);

/// One line after the status line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadLine {
    Field {
        name: ByteRange,
        value: ByteRange,
    },
    /// The empty line.
    End,
}

/// The result, and where the next line begins; `None` when more bytes are needed.
type Parsed<T> = Result<Option<(T, usize)>, &'static str>;

/// Parses the status line. Empty lines before it are skipped, as RFC 9112 §2.2 requires of a server.
pub(super) fn parse_status_line(input: &[u8]) -> Parsed<StatusLine> {
    let mut at = 0;
    while let Some(((), next)) = line_end(input, at, "a lone carriage return")? {
        at = next;
    }
    let rest = &input[at..];
    if rest == b"\r" {
        return Ok(None);
    }
    if !rest.iter().take(12).enumerate().all(|(at, byte)| is_status_line_byte(at, *byte)) {
        return Err("no status line of HTTP/1.1 or HTTP/1.0");
    }
    let Some([.., minor, _, first, second, third]) = rest.first_chunk::<12>() else { return Ok(None) };
    let is_http11 = *minor == b'1';
    let code = [first, second, third].iter().fold(0, |code, digit| code * 10 + u16::from(*digit - b'0'));
    let after = at + 12;
    match input.get(after) {
        None => return Ok(None),
        Some(b' ' | b'\r' | b'\n') => {}
        Some(_) => return Err("no status of three digits"),
    }
    let Some(end) = next_control(input, after) else { return Ok(None) };
    let end = line_end(input, end, "a control character in the status line")?;
    Ok(end.map(|((), next)| (StatusLine { code, is_http11 }, next)))
}

/// Whether a status line may have this byte at this position.
const fn is_status_line_byte(at: usize, byte: u8) -> bool {
    match at {
        0..7 => byte == b"HTTP/1."[at],
        7 => matches!(byte, b'0' | b'1'),
        8 => byte == b' ',
        _ => byte.is_ascii_digit(),
    }
}

/// Parses a field line, or the empty line, at `at`. Folded lines (obsolete since RFC 7230) are invalid.
#[inline]
pub(super) fn parse_field_line(input: &[u8], at: usize) -> Parsed<HeadLine> {
    let Some(colon) = name_end(input, at) else { return Ok(None) };
    if colon == at {
        let end = line_end(input, at, "a field without a name")?;
        if end.is_none() && input[at] != b'\r' {
            return Err("a field without a name");
        }
        return Ok(end.map(|((), next)| (HeadLine::End, next)));
    }
    if input[colon] != b':' {
        return Err("a character that no field's name may have");
    }
    let mut begin = colon + 1;
    while input.get(begin).is_some_and(|byte| is_blank(*byte)) {
        begin += 1;
    }
    let Some(control) = next_control(input, begin) else { return Ok(None) };
    let Some(((), next)) = line_end(input, control, "a control character in a field")? else {
        return Ok(None);
    };
    let mut end = control;
    while end > begin && is_blank(input[end - 1]) {
        end -= 1;
    }
    Ok(Some((HeadLine::Field { name: (at, colon), value: (begin, end) }, next)))
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Skips the line end at `at`. `None` when there is none: more bytes are needed, or another byte is there.
#[inline]
fn line_end(input: &[u8], at: usize, wrong: &'static str) -> Parsed<()> {
    match (input.get(at), input.get(at + 1)) {
        (Some(b'\n'), _) => Ok(Some(((), at + 1))),
        (Some(b'\r'), Some(b'\n')) => Ok(Some(((), at + 2))),
        (Some(b'\r'), Some(_)) => Err(wrong),
        (Some(byte), _) if *byte != b'\r' && is_control(*byte) => Err(wrong),
        _ => Ok(None),
    }
}

/// Characters of a token (RFC 9110 §5.6.2).
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let other = b"!#$%&'*+-.^_`|~";
        let mut at = 0;
        while at < other.len() {
            table[byte] |= other[at] as usize == byte;
            at += 1;
        }
        table[byte] |= (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    table
};

/// The first byte at or after `at` that a name cannot contain.
#[inline]
fn name_end(input: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let rest = input.get(at..)?;
        let Some(word) = rest.first_chunk() else {
            return rest.iter().position(|byte| !TOKEN[usize::from(*byte)]).map(|length| at + length);
        };
        let other = !letters_and_hyphens(u64::from_le_bytes(*word)) & HIGHEST;
        if other == 0 {
            at += 8;
            continue;
        }
        at += other.trailing_zeros() as usize / 8;
        if !TOKEN[usize::from(input[at])] {
            return Some(at);
        }
        at += 1;
    }
}

/// Bytes that a value cannot contain; tabs are blanks.
const fn is_control(byte: u8) -> bool {
    byte < b' ' && byte != b'\t' || byte == 0x7f
}

/// The first control character at or after `at`.
#[inline]
fn next_control(input: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let rest = input.get(at..)?;
        let Some(word) = rest.first_chunk() else {
            return rest.iter().position(|byte| is_control(*byte)).map(|length| at + length);
        };
        let found = controls(u64::from_le_bytes(*word));
        if found == 0 {
            at += 8;
            continue;
        }
        at += found.trailing_zeros() as usize / 8;
        if input[at] != b'\t' {
            return Some(at);
        }
        at += 1;
    }
}

/// A one in each byte, and the highest bit of each byte.
const EACH: u64 = u64::from_ne_bytes([1; 8]);
const HIGHEST: u64 = EACH << 7;

/// The highest bit of each byte that is below 32 or 127. Borrows may set bits above the first correct one, never below it.
const fn controls(word: u64) -> u64 {
    let delete = word ^ (EACH * 0x7f);
    let below = word.wrapping_sub(EACH * 0x20) & !word;
    let equal = delete.wrapping_sub(EACH) & !delete;
    (below | equal) & HIGHEST
}

/// The highest bit of each byte that is a letter or a hyphen, of which names of fields consist. Nothing is carried from one byte
/// to the next, because the highest bits are cleared first.
const fn letters_and_hyphens(word: u64) -> u64 {
    let small = (word | (EACH * 0x20)) & !HIGHEST;
    let from_a = small + EACH * (0x80 - b'a' as u64);
    let beyond_z = small + EACH * (0x80 - b'z' as u64 - 1);
    let other = (word ^ (EACH * b'-' as u64)) & !HIGHEST;
    let is_other = other + EACH * 0x7f;
    ((from_a & !beyond_z) | !is_other) & !word & HIGHEST
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Status, whether the version is 1.1, the fields, and the length of a head.
    pub(in crate::transport) type WholeHead = (u16, bool, Vec<(String, Vec<u8>)>, usize);

    fn parse_whole(input: &[u8]) -> Result<Option<WholeHead>, &'static str> {
        let Some((status, mut at)) = parse_status_line(input)? else { return Ok(None) };
        let mut fields = Vec::new();
        loop {
            match parse_field_line(input, at)? {
                None => return Ok(None),
                Some((HeadLine::End, end)) => return Ok(Some((status.code, status.is_http11, fields, end))),
                Some((HeadLine::Field { name, value }, next)) => {
                    let name = String::from_utf8_lossy(&input[name.0..name.1]).into_owned();
                    fields.push((name, input[value.0..value.1].to_vec()));
                    at = next;
                }
            }
        }
    }

    fn parse_with_httparse(input: &[u8]) -> Result<Option<WholeHead>, httparse::Error> {
        let mut slots = [httparse::EMPTY_HEADER; 100];
        let mut response = httparse::Response::new(&mut slots);
        let httparse::Status::Complete(length) = response.parse(input)? else { return Ok(None) };
        let fields =
            response.headers.iter().map(|field| (field.name.to_owned(), field.value.to_vec())).collect();
        Ok(Some((response.code.expect("a code"), response.version == Some(1), fields, length)))
    }

    /// Asserts that it is parsed as httparse does.
    pub(in crate::transport) fn assert_same_as_httparse(input: &[u8]) {
        let shown = String::from_utf8_lossy(input);
        match (parse_whole(input), parse_with_httparse(input)) {
            (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs, "{shown:?}"),
            (Err(_), Err(_)) => {}
            (ours, theirs) => panic!("{ours:?} and not {theirs:?}: {shown:?}"),
        }
    }

    #[test]
    fn every_beginning_of_a_head_is_understood_as_httparse_does() {
        for text in [
            &b"HTTP/1.1 200 OK\r\nServer: nginx\r\nX-Odd: \xff\tb \t\r\nEmpty:\r\nBlank: \t\r\n!#$%&'*+-.^_`|~09aZ: x\r\n\r\nbody"[..],
            b"\r\n\nHTTP/1.0 404 \nA:b\nC: d e\n\n",
            b"HTTP/1.1 204\r\n\r\n",
            b"HTTP/1.1 204\n\n",
            b"HTTP/1.1 200 \xc3\xa9 \t!\r\n\r\n",
            b"\rHTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.2 200 OK\r\n\r\n",
            b"HTTP/2 200 OK\r\n\r\n",
            b"HTTP/1.1  200 OK\r\n\r\n",
            b"HTTP/1.1 20 OK\r\n\r\n",
            b"HTTP/1.1 2000 OK\r\n\r\n",
            b"HTTP/1.1 200 O\0K\r\n\r\n",
            b"HTTP/1.1 200 O\rK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b\x7f\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n: b\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA:\r\n c\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b\r\n\rc",
            b"HTTP/1.1 200 OK\r\nA: b\r\n\0",
        ] {
            for end in 0..=text.len() {
                assert_same_as_httparse(&text[..end]);
            }
        }
    }

    #[test]
    fn every_byte_is_classified() {
        for byte in 0..=255 {
            for at in 0..20 {
                let mut word = *b"abcdefgh ijklmnop \tqrst";
                word[at] = byte;
                let expected = word.iter().position(|byte| is_control(*byte));
                assert_eq!(next_control(&word, 0), expected, "{byte} at {at}");
                let mut name = *b"Content-X_2.Length-Abc:";
                name[at] = byte;
                let expected = name.iter().position(|byte| !TOKEN[usize::from(*byte)]);
                assert_eq!(name_end(&name, 0), expected, "{byte} at {at}");
            }
            assert_same_as_httparse(&[b"HTTP/1.1 200 OK\r\nA", &[byte][..], b": b\r\n\r\n"].concat());
            assert_same_as_httparse(&[b"HTTP/1.1 200 OK\r\nA: b", &[byte][..], b"c\r\n\r\n"].concat());
            assert_same_as_httparse(&[b"HTTP/1.1 200 O", &[byte][..], b"K\r\n\r\n"].concat());
        }
    }

    proptest! {
        #[test]
        fn any_head_is_understood_as_httparse_does(
            start in "(HTTP/1\\.[012] [0-9]{3}( [ -~\t]{0,12})?(\r\n|\n)){0,1}",
            lines in prop::collection::vec("[!-~ \t]{0,12}(: ?)?[ -~\t\u{7f}\u{80}]{0,20}(\r\n|\n|\r|)", 0..6),
            end in "(\r\n|\n|\r|)",
        ) {
            assert_same_as_httparse([start, lines.concat(), end].concat().as_bytes());
        }

        #[test]
        fn any_bytes_are_understood_as_httparse_does(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            assert_same_as_httparse(&bytes);
            assert_same_as_httparse(&[b"HTTP/1.1 200 OK\r\n", bytes.as_slice()].concat());
        }
    }
}
