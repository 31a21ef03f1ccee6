//! What a request may ask, as types that can only be made from checked input. Pure.
//!
//! The text of a search is hostile. tantivy's query language offers fields, ranges, wildcards and boosts that a visitor of
//! a bookstore has no use for, and a title like `Dune: Messiah` would be taken for a field. So all that is left of the
//! text are its words and double quotes (phrases); the length is bounded, which bounds the depth of any nesting too.

/// The longest search text, in characters.
const TEXT_CHARS: usize = 200;
/// The most hits a request may ask for.
const LIMIT: usize = 100;
/// The longest planted delay.
const DELAY_MS: u64 = 5_000;

/// Why a request was refused; the text goes to whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No word to search for.
    #[error("q is empty; give at least one word, as in /search?q=dune")]
    Empty,
    /// The text is too long.
    #[error("q is longer than {TEXT_CHARS} characters")]
    TooLong,
    /// The limit is out of range.
    #[error("limit must be a whole number from 1 to {LIMIT}")]
    Limit,
    /// The planted delay is out of range.
    #[error("delay_ms must be a whole number from 0 to {DELAY_MS}")]
    Delay,
}

/// A search text with at least one word, of bounded length, without syntax but for `"phrases"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(String);

impl SearchText {
    /// Takes the words and quotes out of what was sent.
    ///
    /// # Errors
    /// `Empty` when there is no letter or digit in it, `TooLong` beyond 200 characters.
    pub fn new(raw: &str) -> Result<Self, QueryError> {
        if raw.chars().nth(TEXT_CHARS).is_some() {
            return Err(QueryError::TooLong);
        }
        if !raw.chars().any(char::is_alphanumeric) {
            return Err(QueryError::Empty);
        }
        let keep = |c: char| if c.is_alphanumeric() || c == '"' { c } else { ' ' };
        Ok(Self(raw.chars().map(keep).collect()))
    }

    /// The text to search for.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How many hits to give, from 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(usize);

impl Limit {
    /// The limit asked for, or `default` when none was; the default is brought into range.
    ///
    /// # Errors
    /// `Limit` when it is out of range.
    pub fn new(asked: Option<usize>, default: usize) -> Result<Self, QueryError> {
        match asked {
            None => Ok(Self(default.clamp(1, LIMIT))),
            Some(asked @ 1..=LIMIT) => Ok(Self(asked)),
            Some(_) => Err(QueryError::Limit),
        }
    }

    /// The number of hits.
    pub fn get(self) -> usize {
        self.0
    }
}

/// A planted fault: how long to wait before the answer, as a slow engine would, from 0 to 5,000 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DelayMs(u64);

impl DelayMs {
    /// The delay asked for, 0 when none was.
    ///
    /// # Errors
    /// `Delay` when it is out of range.
    pub fn new(asked: Option<u64>) -> Result<Self, QueryError> {
        let asked = asked.unwrap_or(0);
        if asked <= DELAY_MS { Ok(Self(asked)) } else { Err(QueryError::Delay) }
    }

    /// The delay.
    pub fn get(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_and_quotes_are_kept_and_syntax_is_not() {
        let text = |raw: &str| SearchText::new(raw).map(|text| text.0);
        assert_eq!(text("Dune: Messiah"), Ok("Dune  Messiah".to_owned()));
        assert_eq!(
            text("\"space opera\" -dune^2 [a TO b]*"),
            Ok("\"space opera\"  dune 2  a TO b  ".to_owned())
        );
        assert_eq!(text("  \t"), Err(QueryError::Empty));
        assert_eq!(text("\"*\""), Err(QueryError::Empty));
        assert_eq!(text(&"é".repeat(200)).map(|text| text.chars().count()), Ok(200));
        assert_eq!(text(&"é".repeat(201)), Err(QueryError::TooLong));
    }

    #[test]
    fn limits_and_delays_have_bounds() {
        assert_eq!(Limit::new(None, 10).map(Limit::get), Ok(10));
        assert_eq!(Limit::new(Some(100), 10).map(Limit::get), Ok(100));
        assert_eq!([Limit::new(Some(0), 10), Limit::new(Some(101), 10)], [Err(QueryError::Limit); 2]);
        assert_eq!(DelayMs::new(Some(5_001)), Err(QueryError::Delay));
        assert_eq!(DelayMs::new(Some(5_000)).map(|delay| delay.get().as_millis()), Ok(5_000));
    }

    proptest! {
        #[test]
        fn nothing_but_words_spaces_and_quotes_gets_through(raw in "\\PC{0,250}") {
            if let Ok(text) = SearchText::new(&raw) {
                prop_assert!(text.0.chars().all(|c| c.is_alphanumeric() || c == ' ' || c == '"'));
                prop_assert_eq!(text.0.chars().count(), raw.chars().count());
            }
        }
    }
}
