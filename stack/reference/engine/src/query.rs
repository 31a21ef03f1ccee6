//! The parameters of requests, as types that can only be made from checked input. Pure.
//!
//! The text of a search is untrusted input. tantivy's query language has fields, ranges, wildcards and boosts that users of
//! a bookstore do not need, and it would read a title like `Dune: Messiah` as a field. Therefore only words and double
//! quotes (phrases) are kept. The length is bounded, which also bounds the depth of nesting.

/// Longest search text, in characters.
const TEXT_CHARS: usize = 200;
/// Most hits of one response.
const MAX_HITS: usize = 100;
/// Longest planted delay.
const MAX_DELAY_MS: u64 = 5_000;

/// A parameter that is missing or out of range; the text goes to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The search text has no letter or digit.
    #[error("q is empty; give at least one word, as in /search?q=dune")]
    Empty,
    /// The search text has more than 200 characters.
    #[error("q is longer than {TEXT_CHARS} characters")]
    TooLong,
    /// The number of hits is out of range.
    #[error("limit must be a whole number from 1 to {MAX_HITS}")]
    Limit,
    /// The planted delay is out of range.
    #[error("delay_ms must be a whole number from 0 to {MAX_DELAY_MS}")]
    Delay,
}

/// A search text with at least one word, of bounded length, without syntax except `"phrases"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(String);

impl SearchText {
    /// Keeps words and double quotes, and replaces everything else by spaces.
    ///
    /// # Errors
    /// `Empty` without a letter or digit, `TooLong` beyond 200 characters.
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

    /// The cleaned text, not the text of the request.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Number of hits to return, from 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HitLimit(usize);

impl HitLimit {
    /// The requested number, or `default`, which is clamped into the range.
    ///
    /// # Errors
    /// `Limit` when the requested number is out of range.
    pub fn new(requested: Option<usize>, default: usize) -> Result<Self, QueryError> {
        match requested {
            None => Ok(Self(default.clamp(1, MAX_HITS))),
            Some(count @ 1..=MAX_HITS) => Ok(Self(count)),
            Some(_) => Err(QueryError::Limit),
        }
    }

    /// From 1 to 100.
    pub fn get(self) -> usize {
        self.0
    }
}

/// A planted fault: time to wait before the search, as a slow engine would, from 0 to 5,000 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlantedDelay(u64);

impl PlantedDelay {
    /// The requested delay in milliseconds, by default 0.
    ///
    /// # Errors
    /// `Delay` when it is longer than 5,000 ms.
    pub fn new(requested: Option<u64>) -> Result<Self, QueryError> {
        let milliseconds = requested.unwrap_or(0);
        if milliseconds <= MAX_DELAY_MS { Ok(Self(milliseconds)) } else { Err(QueryError::Delay) }
    }

    /// Zero when no delay was requested.
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
        assert_eq!(HitLimit::new(None, 10).map(HitLimit::get), Ok(10));
        assert_eq!(HitLimit::new(Some(100), 10).map(HitLimit::get), Ok(100));
        assert_eq!([HitLimit::new(Some(0), 10), HitLimit::new(Some(101), 10)], [Err(QueryError::Limit); 2]);
        assert_eq!(PlantedDelay::new(Some(5_001)), Err(QueryError::Delay));
        assert_eq!(PlantedDelay::new(Some(5_000)).map(|delay| delay.get().as_millis()), Ok(5_000));
    }

    proptest! {
        #[test]
        fn only_words_spaces_and_quotes_are_kept(raw in "\\PC{0,250}") {
            if let Ok(text) = SearchText::new(&raw) {
                prop_assert!(text.0.chars().all(|c| c.is_alphanumeric() || c == ' ' || c == '"'));
                prop_assert_eq!(text.0.chars().count(), raw.chars().count());
            }
        }
    }
}
