//! The index on six books: which books match, in which order, and that no search text causes an error.

use kneepoint_engine::{Book, BookIndex, EngineError, HitLimit, SearchText};
use proptest::prelude::*;

const SHELF: [(u64, &str, &str, &str, &str); 6] = [
    (
        10,
        "Dune",
        "Frank Herbert",
        "A desert planet, a prophecy and the spice that folds space.",
        "science fiction",
    ),
    (
        11,
        "Dune: Messiah",
        "Frank Herbert",
        "The emperor of the desert planet pays for the prophecy.",
        "science fiction",
    ),
    (12, "The Desert Gardener", "Ada Palm", "Growing dune grass and dates in dry places.", "gardening"),
    (13, "Ender's Game", "Orson Scott Card", "A gifted child commands a war in space.", "science fiction"),
    (14, "Ночной дозор", "Сергей Лукьяненко", "Москва, ночь и дозор.", "fantasy"),
    (15, "Zzyzx", "Q", "Xylophone.", "unique"),
];

fn shelf() -> Vec<Book> {
    let book = |(id, title, author, summary, genre): (u64, &str, &str, &str, &str)| Book {
        id,
        title: title.to_owned(),
        author: author.to_owned(),
        summary: summary.to_owned(),
        genre: genre.to_owned(),
    };
    SHELF.map(book).into()
}

fn limit(limit: usize) -> HitLimit {
    HitLimit::new(Some(limit), 10).unwrap()
}

fn search_ids(index: &BookIndex, text: &str) -> Vec<u64> {
    let (total, hits) = index.search(&SearchText::new(text).unwrap(), limit(10)).unwrap();
    assert_eq!(total, hits.len(), "all six books fit into ten hits");
    assert!(hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
    hits.into_iter().map(|hit| hit.id).collect()
}

fn search_ids_sorted(index: &BookIndex, text: &str) -> Vec<u64> {
    let mut ids = search_ids(index, text);
    ids.sort_unstable();
    ids
}

#[test]
fn titles_come_before_summaries_and_all_words_must_match() {
    let index = BookIndex::build(&shelf()).unwrap();
    assert_eq!(index.len(), 6);
    assert_eq!(search_ids(&index, "dune"), [10, 11, 12]);
    assert_eq!(search_ids(&index, "Dune: Messiah"), [11]);
    assert_eq!(search_ids_sorted(&index, "herbert desert"), [10, 11]);
    assert_eq!(search_ids(&index, "ender's"), [13]);
    assert_eq!(search_ids(&index, "дозор"), [14]);
    assert_eq!(search_ids_sorted(&index, "\"desert planet\" dune"), [10, 11]);
    assert_eq!(search_ids(&index, "\"planet desert\" dune"), [0; 0]);
    assert_eq!(search_ids(&index, "dune xylophone"), [0; 0]);
}

#[test]
fn the_limit_cuts_hits_but_not_the_total() {
    let index = BookIndex::build(&shelf()).unwrap();
    let (total, hits) = index.search(&SearchText::new("dune").unwrap(), limit(1)).unwrap();
    assert_eq!((total, hits.len(), hits[0].id), (3, 1, 10));
}

#[test]
fn similar_books_share_rare_words_and_leave_out_the_book_itself() {
    let index = BookIndex::build(&shelf()).unwrap();
    let (total, hits) = index.similar(10, limit(5)).unwrap().unwrap();
    assert_eq!(hits[0].id, 11);
    assert!(hits.iter().all(|hit| hit.id != 10) && total == hits.len());
    assert_eq!(index.similar(10, limit(1)).unwrap().unwrap().1.len(), 1);
    assert_eq!(index.similar(15, limit(5)).unwrap(), Some((0, Vec::new())));
    assert_eq!(index.similar(99, limit(5)).unwrap(), None);
}

#[test]
fn untrusted_search_texts_cause_no_error() {
    let index = BookIndex::build(&shelf()).unwrap();
    let nested = format!("{}dune{}", "(".repeat(98), ")".repeat(98));
    for text in [
        "\"dune",
        "title:",
        "title:dune",
        "nofield:dune",
        "AND AND",
        "dune OR",
        "NOT",
        "NOT dune",
        "-dune",
        "dune^1e999",
        "[a TO",
        "{* TO *}",
        "dune*",
        "/d.*/",
        "dune~9",
        "dune\\",
        "a\0b",
        "IN [a]",
        &nested,
        "🐛 dune",
        "d\u{301}une",
    ] {
        let text = SearchText::new(text).unwrap();
        index.search(&text, limit(100)).unwrap();
    }
    // Without syntax these are only words.
    assert_eq!(search_ids(&index, &nested), [10, 11, 12]);
    assert_eq!(search_ids(&index, "dune*"), [10, 11, 12]);
}

#[test]
fn an_index_may_be_empty_and_equal_ids_are_refused() {
    let index = BookIndex::build(&[]).unwrap();
    assert!(index.is_empty() && search_ids(&index, "dune").is_empty());
    let twice = [shelf()[0].clone(), shelf()[0].clone()];
    assert!(matches!(BookIndex::build(&twice), Err(EngineError::DuplicateId(10))));
}

#[test]
fn the_error_names_an_invalid_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("books.jsonl");
    std::fs::write(&file, "{\"id\":1,\"title\":\"a\"}\n\n{\"id\":2}\n").unwrap();
    let Err(error) = BookIndex::from_file(&file) else { panic!("a book without a title was accepted") };
    assert!(error.to_string().starts_with("line 3 of "), "{error}");
    let Err(error) = BookIndex::from_file(&folder.path().join("none")) else {
        panic!("a missing file was read")
    };
    assert!(matches!(error, EngineError::ReadBooks { .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_search_text_causes_an_error(raw in "(AND|OR|NOT|IN|TO|[\"':*^~()\\[\\]{}/\\\\ +-]|[a-z]|\\PC){0,60}") {
        static INDEX: std::sync::OnceLock<BookIndex> = std::sync::OnceLock::new();
        let index = INDEX.get_or_init(|| BookIndex::build(&shelf()).unwrap());
        if let Ok(text) = SearchText::new(&raw) {
            let (total, hits) = index.search(&text, limit(100)).unwrap();
            prop_assert!(hits.len() == total && total <= 6);
        }
    }
}
