//! Bounded capture of a program's output: the head of stdout, the tail of stderr, and lines for progress.
//!
//! Pure: bytes in, values out. Every buffer is bounded, because a program may print any amount.

/// Which of the two output streams a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output (descriptor 1).
    Stdout,
    /// Standard error (descriptor 2).
    Stderr,
}

/// Keeps the first `cap` bytes and counts the rest.
#[derive(Debug)]
pub(crate) struct Head {
    cap: usize,
    pub(crate) bytes: Vec<u8>,
    pub(crate) dropped: u64,
}

impl Head {
    pub(crate) fn new(cap: usize) -> Self {
        Self { cap, bytes: Vec::new(), dropped: 0 }
    }

    pub(crate) fn push(&mut self, chunk: &[u8]) {
        let room = (self.cap - self.bytes.len()).min(chunk.len());
        self.bytes.extend_from_slice(&chunk[..room]);
        self.dropped += (chunk.len() - room) as u64;
    }
}

/// Keeps the last `cap` bytes.
#[derive(Debug)]
pub(crate) struct Tail {
    cap: usize,
    bytes: Vec<u8>,
}

impl Tail {
    pub(crate) fn new(cap: usize) -> Self {
        Self { cap, bytes: Vec::new() }
    }

    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
        // Trimmed only at twice the bound, so that the cost of moving is constant per byte.
        if self.bytes.len() > 2 * self.cap {
            self.trim();
        }
    }

    fn trim(&mut self) {
        let excess = self.bytes.len().saturating_sub(self.cap);
        self.bytes.drain(..excess);
    }

    /// The last `cap` bytes as text; a character that the cut went through is replaced.
    pub(crate) fn text(mut self) -> String {
        self.trim();
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// The longest line in bytes; the rest of a longer line follows as further lines.
const MAX_LINE_BYTES: usize = 8 * 1024;

/// Cuts a byte stream into lines at `\n` and `\r` (progress bars use the latter); empty lines are omitted.
#[derive(Debug, Default)]
pub(crate) struct LineSplitter {
    partial: Vec<u8>,
}

impl LineSplitter {
    pub(crate) fn push(&mut self, chunk: &[u8], mut each: impl FnMut(&str)) {
        for &byte in chunk {
            let ends = byte == b'\n' || byte == b'\r';
            if !ends {
                self.partial.push(byte);
            }
            if ends || self.partial.len() >= MAX_LINE_BYTES {
                self.flush(&mut each);
            }
        }
    }

    /// Emits the rest of the stream as its last line.
    pub(crate) fn flush(&mut self, mut each: impl FnMut(&str)) {
        if !self.partial.is_empty() {
            each(&String::from_utf8_lossy(&self.partial));
            self.partial.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn head_and_tail_are_the_two_ends(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20), cap in 1usize..64) {
            let all: Vec<u8> = chunks.concat();
            let (mut head, mut tail) = (Head::new(cap), Tail::new(cap));
            for chunk in &chunks {
                head.push(chunk);
                tail.push(chunk);
                prop_assert!(tail.bytes.len() <= 2 * cap);
            }
            let kept = all.len().min(cap);
            prop_assert_eq!(&head.bytes, &all[..kept]);
            prop_assert_eq!(head.dropped as usize, all.len() - kept);
            prop_assert_eq!(tail.text(), String::from_utf8_lossy(&all[all.len() - kept..]).into_owned());
        }

        #[test]
        fn lines_do_not_depend_on_the_chunks(text in "[a-c\n\r]{0,60}", cut in 0usize..60) {
            let cut = cut.min(text.len());
            let mut lines = LineSplitter::default();
            let mut got = Vec::new();
            lines.push(&text.as_bytes()[..cut], |line| got.push(line.to_owned()));
            lines.push(&text.as_bytes()[cut..], |line| got.push(line.to_owned()));
            lines.flush(|line| got.push(line.to_owned()));
            let expected: Vec<&str> = text.split(['\n', '\r']).filter(|line| !line.is_empty()).collect();
            prop_assert_eq!(got, expected);
        }
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let mut longest = 0;
        LineSplitter::default().push(&vec![b'x'; 100_000], |line| longest = longest.max(line.len()));
        assert_eq!(longest, MAX_LINE_BYTES);
    }
}
