//! Pages of strangers, read as a stream of tags: no tree, and never for longer than was allowed.

use std::time::{Duration, Instant};

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, TokenSink, Tokenizer, TokenizerOpts};

/// How much is read before the clock is looked at.
const STEP: usize = 16 << 10;

/// Gives the tags and texts of a page to `sink` until the page ends or `patience` does, and gives the sink back. An honest
/// page takes a fraction of any sensible patience; a hostile one (a tag with a million attributes) is left in the middle.
///
/// Never fails, because browsers never do.
pub fn tokenize<S: TokenSink>(html: &str, sink: S, patience: Duration) -> S {
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let input = BufferQueue::default();
    let (mut rest, start) = (html, Instant::now());
    while !rest.is_empty() && start.elapsed() < patience {
        let (step, later) = rest.split_at(rest.floor_char_boundary(STEP));
        input.push_back(StrTendril::from_slice(step));
        let _ = tokenizer.feed(&input);
        rest = later;
    }
    tokenizer.end();
    tokenizer.sink
}
