//! Reads a file of any size line by line, with a limit per line, so that a line without an end cannot fill the memory.

use std::io::{self, BufRead};

/// Longest line, in bytes; longer lines are skipped.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Calls `on_line` with every line without its line end, or with `None` for a line that is too long.
pub(super) fn for_each_line(
    mut reader: impl BufRead,
    mut on_line: impl FnMut(Option<&[u8]>),
) -> io::Result<()> {
    // The part of a line from earlier buffers. Most lines lie within one buffer and are not copied.
    let mut partial: Vec<u8> = Vec::new();
    let mut too_long = false;
    loop {
        let buffer = match reader.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffer.is_empty() {
            if too_long {
                on_line(None);
            } else if !partial.is_empty() {
                on_line(Some(strip_carriage_return(&partial)));
            }
            return Ok(());
        }
        let mut rest = buffer;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            let line = &rest[..at];
            rest = &rest[at + 1..];
            if too_long || partial.len() + line.len() > MAX_LINE_BYTES {
                on_line(None);
            } else if partial.is_empty() {
                on_line(Some(strip_carriage_return(line)));
            } else {
                partial.extend_from_slice(line);
                on_line(Some(strip_carriage_return(&partial)));
            }
            partial.clear();
            too_long = false;
        }
        if too_long || partial.len() + rest.len() > MAX_LINE_BYTES {
            partial.clear();
            too_long = true;
        } else {
            partial.extend_from_slice(rest);
        }
        let consumed = buffer.len();
        reader.consume(consumed);
    }
}

fn strip_carriage_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    fn lines(text: &[u8], buffer: usize) -> Vec<Option<Vec<u8>>> {
        let mut lines = Vec::new();
        for_each_line(BufReader::with_capacity(buffer, text), |line| lines.push(line.map(<[u8]>::to_vec)))
            .unwrap();
        lines
    }

    #[test]
    fn a_line_without_an_end_is_bounded() {
        let mut text = vec![b'x'; 3 * MAX_LINE_BYTES];
        text.extend_from_slice(b"\nshort\r\nlast");
        assert_eq!(lines(&text, 1024), [None, Some(b"short".to_vec()), Some(b"last".to_vec())]);
        assert_eq!(lines(&text[..=MAX_LINE_BYTES], 1024), [None]);
    }

    proptest! {
        #[test]
        fn the_buffer_size_does_not_change_the_lines(text in prop::collection::vec(prop::sample::select(b"ab\n".to_vec()), 0..200), buffer in 1usize..40) {
            let mut expected: Vec<Option<Vec<u8>>> = text.split(|byte| *byte == b'\n').map(|line| Some(line.to_vec())).collect();
            if text.is_empty() || text.ends_with(b"\n") {
                expected.pop();
            }
            prop_assert_eq!(lines(&text, buffer), expected);
        }
    }
}
