//! One book as the site exports it: a line of a JSON-lines file. Parsing is pure; keys that are not ours are passed over.

use serde::Deserialize;

/// What the engine knows of a book. Only the id is ever given back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Book {
    /// The site's primary key.
    pub id: u64,
    /// The title; weighs most in a search.
    pub title: String,
    /// The author's name.
    #[serde(default)]
    pub author: String,
    /// A few sentences on it.
    #[serde(default)]
    pub summary: String,
    /// Its genre.
    #[serde(default)]
    pub genre: String,
}

impl Book {
    /// Reads one line.
    ///
    /// # Errors
    /// When it is not a JSON object with at least `id` and `title`.
    pub fn parse(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_and_title_are_enough_and_the_rest_is_passed_over() {
        let book = Book::parse(r#"{"id":7,"title":"Dune","isbn":"x"}"#).unwrap();
        assert_eq!((book.id, book.title.as_str(), book.genre.as_str()), (7, "Dune", ""));
        assert!(Book::parse(r#"{"title":"Dune"}"#).is_err());
        assert!(Book::parse(r#"{"id":-1,"title":"Dune"}"#).is_err());
    }
}
