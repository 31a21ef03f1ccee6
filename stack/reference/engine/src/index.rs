//! The books as a tantivy index in memory: built once, then only read.
//!
//! Titles weigh three times and authors twice as much as summaries. All words of a search must match, each in any field.
//! Similar books come from tantivy's more-like-this over title, summary and genre: it searches for the rarest words of a
//! book in all others.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use tantivy::collector::{Count, TopDocs};
use tantivy::columnar::Column;
use tantivy::query::{MoreLikeThisQuery, Query, QueryParser};
use tantivy::schema::{FAST, Field, STORED, Schema, TEXT};
use tantivy::{DocAddress, Index, IndexReader, ReloadPolicy, Searcher, TantivyDocument};

use crate::response::Hit;
use crate::{Book, EngineError, HitLimit, SearchText};

/// Memory for building; when it is full, tantivy writes another segment.
const BUILD_BYTES: usize = 64 * 1024 * 1024;
/// Words too common to describe a book (Lucene's list for English).
const STOP_WORDS: &str = "a an and are as at be but by for if in into is it no not of on or such that the their then there \
    these they this to was will with";
/// Number of a book's rarest words that are searched for in the others. More cost time and add noise.
const SIMILAR_TERMS: usize = 12;

/// A search index over a fixed set of books.
pub struct BookIndex {
    reader: IndexReader,
    parser: QueryParser,
    by_id: HashMap<u64, DocAddress>,
    /// The id of each document, by segment.
    ids: Vec<Column<u64>>,
}

#[derive(Clone, Copy)]
struct IndexFields {
    id: Field,
    title: Field,
    author: Field,
    summary: Field,
    genre: Field,
}

impl IndexFields {
    /// Stores only the fields that more-like-this must read.
    fn new() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let id = schema.add_u64_field("id", FAST);
        let title = schema.add_text_field("title", TEXT | STORED);
        let author = schema.add_text_field("author", TEXT);
        let summary = schema.add_text_field("summary", TEXT | STORED);
        let genre = schema.add_text_field("genre", TEXT | STORED);
        (schema.build(), Self { id, title, author, summary, genre })
    }

    fn to_document(self, book: &Book) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        document.add_u64(self.id, book.id);
        document.add_text(self.title, &book.title);
        document.add_text(self.author, &book.author);
        document.add_text(self.summary, &book.summary);
        document.add_text(self.genre, &book.genre);
        document
    }
}

impl BookIndex {
    /// Builds the index from a JSON-lines file; empty lines are ignored.
    ///
    /// # Errors
    /// `ReadBooks` and `InvalidLine` for the file, `DuplicateId`, or `Index`.
    pub fn from_file(path: &Path) -> Result<Self, EngineError> {
        let read_error = |source| EngineError::ReadBooks { path: path.to_owned(), source };
        let mut books = Vec::new();
        for (number, line) in BufReader::new(File::open(path).map_err(read_error)?).lines().enumerate() {
            let line = line.map_err(read_error)?;
            if !line.trim().is_empty() {
                let line_error =
                    |source| EngineError::InvalidLine { path: path.to_owned(), line: number + 1, source };
                books.push(Book::parse(&line).map_err(line_error)?);
            }
        }
        Self::build(&books)
    }

    /// Builds the index with one thread, so that the same books in the same order give the same results.
    ///
    /// # Errors
    /// `DuplicateId`, or `Index`.
    pub fn build(books: &[Book]) -> Result<Self, EngineError> {
        let (schema, fields) = IndexFields::new();
        let index = Index::create_in_ram(schema);
        let mut writer = index.writer_with_num_threads(1, BUILD_BYTES)?;
        for book in books {
            writer.add_document(fields.to_document(book))?;
        }
        writer.commit()?;
        writer.wait_merging_threads()?;

        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let mut parser =
            QueryParser::for_index(&index, vec![fields.title, fields.author, fields.summary, fields.genre]);
        parser.set_conjunction_by_default();
        parser.set_field_boost(fields.title, 3.0);
        parser.set_field_boost(fields.author, 2.0);
        let (ids, by_id) = read_ids(&reader.searcher())?;
        Ok(Self { reader, parser, by_id, ids })
    }

    /// Number of books.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether the index has no books.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The number of matching books and the best of them.
    ///
    /// # Errors
    /// `Index`; no search text causes an error.
    pub fn search(&self, text: &SearchText, limit: HitLimit) -> Result<(usize, Vec<Hit>), EngineError> {
        // Parts that do not parse (`AND AND`) are left out; an empty query matches nothing.
        let (query, _parse_errors) = self.parser.parse_query_lenient(text.as_str());
        self.find_best(query.as_ref(), limit.get())
    }

    /// The number of books similar to the one with this id, and the best of them; `None` when there is no such book.
    ///
    /// # Errors
    /// `Index`.
    pub fn similar(&self, id: u64, limit: HitLimit) -> Result<Option<(usize, Vec<Hit>)>, EngineError> {
        let Some(address) = self.by_id.get(&id) else { return Ok(None) };
        let query = MoreLikeThisQuery::builder()
            .with_min_doc_frequency(2)
            .with_min_term_frequency(1)
            .with_min_word_length(3)
            .with_max_query_terms(SIMILAR_TERMS)
            .with_stop_words(STOP_WORDS.split(' ').map(str::to_owned).collect())
            .with_document(*address);
        // One more than requested: the book matches itself, unless no other book has one of its words.
        let (total, mut hits) = self.find_best(&query, limit.get() + 1)?;
        hits.retain(|hit| hit.id != id);
        hits.truncate(limit.get());
        Ok(Some((total.saturating_sub(1), hits)))
    }

    fn find_best(&self, query: &dyn Query, limit: usize) -> Result<(usize, Vec<Hit>), EngineError> {
        let searcher = self.reader.searcher();
        let (total, best) = searcher.search(query, &(Count, TopDocs::with_limit(limit).order_by_score()))?;
        let hits = best.into_iter().filter_map(|(score, address)| {
            let id = self.ids.get(address.segment_ord as usize)?.first(address.doc_id)?;
            Some(Hit { id, score })
        });
        Ok((total, hits.collect()))
    }
}

type IdMaps = (Vec<Column<u64>>, HashMap<u64, DocAddress>);

/// The maps from documents to ids and from ids to documents.
fn read_ids(searcher: &Searcher) -> Result<IdMaps, EngineError> {
    let mut columns = Vec::new();
    let mut by_id = HashMap::with_capacity(searcher.num_docs() as usize);
    for (segment, reader) in searcher.segment_readers().iter().enumerate() {
        let column = reader.fast_fields().u64("id")?;
        for document in 0..reader.max_doc() {
            if let Some(id) = column.first(document)
                && by_id.insert(id, DocAddress::new(segment as u32, document)).is_some()
            {
                return Err(EngineError::DuplicateId(id));
            }
        }
        columns.push(column);
    }
    Ok((columns, by_id))
}
