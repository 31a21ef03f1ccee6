//! Reads a statement's text: its verb, whether it belongs to the session, the route in its comment. Masks every
//! quoted string, because it may be a session key, a token or a person's name.

mod comment;
mod kind;
mod mask;

pub(super) use comment::parse_comments;
pub(super) use kind::{parse_verb, session_kind};
pub(super) use mask::mask_literals;
