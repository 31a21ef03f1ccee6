//! Lines of a file of any size, each bounded: a line that never ends must not fill the memory.

use std::io::{self, BufRead};

/// No line of an access log is longer; the rest of one is passed over.
const LONGEST: usize = 64 * 1024;

/// Calls `each` with every line, without its end; `None` for one that is too long.
pub(super) fn each_line(mut reader: impl BufRead, mut each: impl FnMut(Option<&[u8]>)) -> io::Result<()> {
    // What of a line lay at the end of one buffer; most lines lie within one, and are not copied.
    let mut begun: Vec<u8> = Vec::new();
    let mut too_long = false;
    loop {
        let buffer = match reader.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffer.is_empty() {
            if too_long {
                each(None);
            } else if !begun.is_empty() {
                each(Some(trimmed(&begun)));
            }
            return Ok(());
        }
        let mut rest = buffer;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            let line = &rest[..at];
            rest = &rest[at + 1..];
            if too_long || begun.len() + line.len() > LONGEST {
                each(None);
            } else if begun.is_empty() {
                each(Some(trimmed(line)));
            } else {
                begun.extend_from_slice(line);
                each(Some(trimmed(&begun)));
            }
            begun.clear();
            too_long = false;
        }
        if too_long || begun.len() + rest.len() > LONGEST {
            begun.clear();
            too_long = true;
        } else {
            begun.extend_from_slice(rest);
        }
        let read = buffer.len();
        reader.consume(read);
    }
}

fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    fn lines(text: &[u8], buffer: usize) -> Vec<Option<Vec<u8>>> {
        let mut lines = Vec::new();
        each_line(BufReader::with_capacity(buffer, text), |line| lines.push(line.map(<[u8]>::to_vec)))
            .unwrap();
        lines
    }

    #[test]
    fn a_line_without_an_end_is_bounded() {
        let mut text = vec![b'x'; 3 * LONGEST];
        text.extend_from_slice(b"\nshort\r\nlast");
        assert_eq!(lines(&text, 1024), [None, Some(b"short".to_vec()), Some(b"last".to_vec())]);
        assert_eq!(lines(&text[..=LONGEST], 1024), [None]);
    }

    proptest! {
        #[test]
        fn the_buffer_cuts_nothing(text in prop::collection::vec(prop::sample::select(b"ab\n".to_vec()), 0..200), buffer in 1usize..40) {
            let mut expected: Vec<Option<Vec<u8>>> = text.split(|byte| *byte == b'\n').map(|line| Some(line.to_vec())).collect();
            if text.is_empty() || text.ends_with(b"\n") {
                expected.pop();
            }
            prop_assert_eq!(lines(&text, buffer), expected);
        }
    }
}
