//! Tokenizes untrusted HTML without building a tree, within a time budget.

use std::time::{Duration, Instant};

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, TokenSink, Tokenizer, TokenizerOpts};
use kneepoint_model::text::clip_bytes;

/// Bytes that are tokenized between two checks of the time budget.
const CHUNK: usize = 16 << 10;

/// Passes the tags and texts of a page to `sink` until the page ends or `time_budget` is spent, and returns the sink. An ordinary
/// page takes a small part of any sensible budget; a hostile one (a tag with a million attributes) is abandoned in the middle.
///
/// Never fails: like a browser, it accepts any input.
pub fn tokenize_html<S: TokenSink>(html: &str, sink: S, time_budget: Duration) -> S {
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let input = BufferQueue::default();
    let (mut rest, start) = (html, Instant::now());
    while !rest.is_empty() && start.elapsed() < time_budget {
        let (chunk, later) = rest.split_at(clip_bytes(rest, CHUNK).len());
        input.push_back(StrTendril::from_slice(chunk));
        let _ = tokenizer.feed(&input);
        rest = later;
    }
    tokenizer.end();
    tokenizer.sink
}
