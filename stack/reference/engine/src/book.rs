//! A book as the site exports it: a line of a JSON-lines file. Unknown keys are ignored.

use serde::Deserialize;

/// The searchable fields of a book. Responses contain only the id.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Book {
    /// The primary key in the site's database.
    pub id: u64,
    /// The field with the highest weight in a search.
    pub title: String,
    /// The author's name; may be empty.
    #[serde(default)]
    pub author: String,
    /// A few sentences about the book; may be empty.
    #[serde(default)]
    pub summary: String,
    /// The site's key of the genre, such as `science-fiction`; may be empty.
    #[serde(default)]
    pub genre: String,
}

impl Book {
    /// Parses one line.
    ///
    /// # Errors
    /// When the line is not a JSON object with at least `id` and `title`.
    pub fn parse(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_id_and_title_are_required_and_unknown_keys_are_ignored() {
        let book = Book::parse(r#"{"id":7,"title":"Dune","isbn":"x"}"#).unwrap();
        assert_eq!((book.id, book.title.as_str(), book.genre.as_str()), (7, "Dune", ""));
        assert!(Book::parse(r#"{"title":"Dune"}"#).is_err());
        assert!(Book::parse(r#"{"id":-1,"title":"Dune"}"#).is_err());
    }
}
