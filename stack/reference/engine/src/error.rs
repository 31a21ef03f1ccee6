//! Why the engine cannot start or stops early. Errors of single requests are in `request_error.rs`.

use std::io;
use std::path::PathBuf;

use kneepoint_service::ServiceError;

/// A failure of the engine as a whole.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The file of books cannot be read.
    #[error("failed to read the books from {}: {source}; export them first", path.display())]
    ReadBooks {
        /// The configured file of books.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A line of the file is not a book.
    #[error("line {line} of {} is not a book: {source}; export the books again", path.display())]
    InvalidLine {
        /// The configured file of books.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The error of the JSON parser.
        source: serde_json::Error,
    },
    /// Two books have the same id, so a hit would be ambiguous.
    #[error("two books have the id {0}; ids must be unique")]
    DuplicateId(u64),
    /// tantivy failed; a bug of the engine, because books and queries are checked before.
    #[error("the search index failed: {0}")]
    Index(#[from] tantivy::TantivyError),
    /// The port is taken, or serving failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}
