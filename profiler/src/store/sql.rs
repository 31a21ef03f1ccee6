//! What can be told from a statement's text: its verb, whether it belongs to the session, the route in its comment. And
//! masking: nothing between quotes is kept, for it may be a session's key, a token or somebody's name.

mod comment;
mod kind;
mod mask;

pub(super) use comment::said_by_comments;
pub(super) use kind::{session_kind, verb};
pub(super) use mask::mask;

/// Cuts at a number of characters; true when something was cut.
pub(super) fn bound(text: &str, max: usize) -> (String, bool) {
    match text.char_indices().nth(max) {
        Some((end, _)) => (text[..end].to_owned(), true),
        None => (text.to_owned(), false),
    }
}
