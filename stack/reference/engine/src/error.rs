//! Why the engine could not start or had to end. What a single request does wrong is in `answer.rs`.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A fault of the engine as a whole.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The file of books cannot be read.
    #[error("failed to read the books from {}: {source}; export them first", path.display())]
    Books {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line of the file is not a book.
    #[error("line {line} of {} is not a book: {source}; export the books again", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Two books have the same id, so an answer would be ambiguous.
    #[error("two books have the id {0}; ids must be unique")]
    DuplicateId(u64),
    /// The index refused; a fault of ours, since books and queries are checked before.
    #[error("the search index failed: {0}")]
    Index(#[from] tantivy::TantivyError),
    /// The address is taken or not ours.
    #[error("failed to listen on {address}: {source}; choose a free port")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The runtime or the server failed.
    #[error("failed to serve: {0}")]
    Serve(#[from] io::Error),
}
