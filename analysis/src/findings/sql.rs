//! Tables, columns and clauses of a statement, from its normalised text; not a parser for all of SQL.
//!
//! Made for the statements of an ORM: one table first, joins, a flat `WHERE`, `ORDER BY`, `LIMIT`. MySQL's digests separate
//! every token (`` `books_book` . `isbn` = ? ``), so spaces and quotes are normalised first. Clauses that it does not
//! understand are omitted: then a finding names no column.

use std::sync::LazyLock;

use regex::Regex;

/// The row limit of a statement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum RowLimit {
    /// All matching rows.
    #[default]
    None,
    /// The first rows (`LIMIT`).
    First,
    /// Later rows, after others were skipped (`LIMIT` with `OFFSET`).
    Later,
}

/// The parts of a statement that the rules use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ParsedStatement {
    /// The first table that it reads or changes.
    pub(super) table: Option<String>,
    /// All tables named after `FROM`, `JOIN`, `UPDATE`, `INTO`.
    pub(super) tables: Vec<String>,
    /// Columns of the first table compared by `=` or `IN`.
    pub(super) equal: Vec<String>,
    /// Columns of the first table compared by `<`, `>`, `BETWEEN`.
    pub(super) ranged: Vec<String>,
    /// Columns of the first table compared by `LIKE`.
    pub(super) like: Vec<String>,
    /// Columns of the first table after `ORDER BY`.
    pub(super) order: Vec<String>,
    /// The whole select list is `COUNT(*)`.
    pub(super) counts: bool,
    /// It aggregates rows (`COUNT`, `SUM`, `GROUP BY`, `DISTINCT`), so it reads many rows for few returned on purpose.
    pub(super) aggregates: bool,
    /// Its `LIMIT` clause.
    pub(super) bound: RowLimit,
    /// It locks the rows that it reads (`FOR UPDATE`, `FOR SHARE`, `LOCK IN SHARE MODE`).
    pub(super) locking: bool,
}

static TABLES: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\b(?:FROM|JOIN|UPDATE|INTO)\s+(?:\(\s*)*(\w+)(?:\.(\w+))?"));
static CONDITION: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)(?:(\w+)\.)?(\w+)\s*(=|<=|>=|<|>|\bNOT\s+IN\b|\bIN\b|\bLIKE\b|\bBETWEEN\b)\s*(?:BINARY\s+)?(?:\(|\?|'|\d|%s|\.\.\.)",
    )
});
static WHERE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\bWHERE\b(.*?)(?:\bGROUP\s+BY\b|\bHAVING\b|\bORDER\s+BY\b|\bLIMIT\b|\bFOR\s+(?:UPDATE|SHARE)\b|$)",
    )
});
static ORDER: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\bORDER\s+BY\b(.*?)(?:\bLIMIT\b|\bFOR\s+(?:UPDATE|SHARE)\b|$)"));
static ORDERED: LazyLock<Regex> = LazyLock::new(|| regex(r"(?:^|,)\s*(?:(\w+)\.)?(\w+)\s*(?i:ASC|DESC)?\s*"));
static COUNTS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)^\s*SELECT\s+COUNT\s*\(\s*(?:\*|\?|\d+)\s*\)\s*(?:AS\s+\w+\s+)?FROM\b"));
static AGGREGATES: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\b(?:COUNT|SUM|AVG|MIN|MAX)\s*\(|\bGROUP\s+BY\b|\bDISTINCT\b|\bUNION\b"));
static LOCKING: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\bFOR\s+(?:UPDATE|SHARE)\b|\bLOCK\s+IN\s+SHARE\s+MODE\b"));
static LIMIT: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)\bLIMIT\b\s*(?:\?|\d+)?\s*(,|OFFSET\b)?"));
static DOT: LazyLock<Regex> = LazyLock::new(|| regex(r"\s*\.\s*"));

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("constant patterns are valid")
}

/// The text without quotes, with `a . b` joined to `a.b`.
pub(super) fn normalise(sql: &str) -> String {
    let bare: String = sql.chars().filter(|c| !matches!(c, '"' | '`' | '[' | ']')).take(20_000).collect();
    let one_line = bare.split_whitespace().collect::<Vec<_>>().join(" ");
    // Three dots are MySQL's sign for a shortened list, not part of a name.
    DOT.replace_all(&one_line.replace("...", "\u{2026}"), ".").replace('\u{2026}', "...")
}

/// Parses the text of a statement.
pub(super) fn parse(sql: &str) -> ParsedStatement {
    let text = normalise(sql);
    let tables: Vec<String> = TABLES
        .captures_iter(&text)
        .map(|found| found.get(2).unwrap_or_else(|| found.get(1).expect("matched")).as_str().to_owned())
        .filter(|name| !["SELECT", "SET"].contains(&name.to_ascii_uppercase().as_str()))
        .collect();
    let mut statement = ParsedStatement {
        table: tables.first().cloned(),
        counts: COUNTS.is_match(&text),
        aggregates: AGGREGATES.is_match(&text),
        locking: LOCKING.is_match(&text),
        bound: row_limit(&text),
        tables,
        ..ParsedStatement::default()
    };
    if let Some(found) = WHERE.captures(&text) {
        add_conditions(&mut statement, &found[1]);
    }
    if let Some(found) = ORDER.captures(&text) {
        let on_first_table = |name: Option<&str>| belongs_to(statement.table.as_deref(), name);
        statement.order = ORDERED
            .captures_iter(&found[1])
            .filter(|one| on_first_table(one.get(1).map(|name| name.as_str())))
            .map(|one| one[2].to_owned())
            .collect();
    }
    statement
}

fn row_limit(text: &str) -> RowLimit {
    match LIMIT.captures(text) {
        None => RowLimit::None,
        Some(found) if found.get(1).is_some() => RowLimit::Later,
        Some(_) => RowLimit::First,
    }
}

fn belongs_to(table: Option<&str>, qualifier: Option<&str>) -> bool {
    qualifier.is_none_or(|name| table == Some(name))
}

fn add_conditions(statement: &mut ParsedStatement, text: &str) {
    for found in CONDITION.captures_iter(text) {
        if !belongs_to(statement.table.as_deref(), found.get(1).map(|name| name.as_str())) {
            continue;
        }
        let into = match found[3].to_ascii_uppercase().as_str() {
            "=" | "IN" => &mut statement.equal,
            "LIKE" => &mut statement.like,
            "<" | ">" | "<=" | ">=" | "BETWEEN" => &mut statement.ranged,
            _ => continue,
        };
        let column = found[2].to_owned();
        if !into.contains(&column) {
            into.push(column);
        }
    }
}

impl ParsedStatement {
    /// Columns of an index for this statement: equality first, then one range, else the order.
    pub(super) fn index_columns(&self) -> Vec<String> {
        let tail: &[String] = if self.ranged.is_empty() { &self.order } else { &self.ranged[..1] };
        let mut columns = self.equal.clone();
        columns.extend(tail.iter().filter(|column| !self.equal.contains(column)).cloned());
        columns.truncate(4);
        columns
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_digest_of_django_is_parsed() {
        let read = parse(
            "SELECT `books_book` . `id` , `books_author` . `name` FROM `books_book` INNER JOIN `books_author` ON \
             ( `books_book` . `author_id` = `books_author` . `id` ) WHERE `books_book` . `isbn` = ? \
             ORDER BY `books_book` . `id` ASC LIMIT ?",
        );
        assert_eq!(read.table.as_deref(), Some("books_book"));
        assert_eq!(read.tables, ["books_book", "books_author"]);
        assert_eq!((read.equal.clone(), read.order.clone()), (vec!["isbn".into()], vec!["id".into()]));
        assert!(read.bound == RowLimit::First && !read.aggregates && !read.locking);
        assert_eq!(read.index_columns(), ["isbn", "id"]);
    }

    #[test]
    fn pages_orders_and_locks_are_parsed() {
        let page =
            parse("SELECT a . b FROM `t` ORDER BY `t` . `date` DESC , `t` . `id` DESC LIMIT ? OFFSET ?");
        assert_eq!((page.order, page.bound), (vec!["date".into(), "id".into()], RowLimit::Later));
        assert_eq!(parse("SELECT x FROM t LIMIT ?, ?").bound, RowLimit::Later);
        assert!(parse("SELECT x FROM t WHERE t.id = ? FOR UPDATE").locking);
        assert_eq!(parse("SELECT x FROM t WHERE t.title LIKE ? AND t.year >= ?").like, ["title"]);
        assert_eq!(parse("SELECT x FROM t WHERE t.id IN (...)").equal, ["id"]);
    }

    #[test]
    fn a_count_is_distinguished_from_a_count_per_group() {
        assert!(parse("SELECT COUNT ( * ) AS `__count` FROM `books_book`").counts);
        assert!(parse("SELECT COUNT(*) FROM (SELECT DISTINCT a FROM b) subquery").counts);
        let grouped = parse("SELECT genre , COUNT ( * ) FROM t GROUP BY genre");
        assert!(!grouped.counts && grouped.aggregates);
    }

    #[test]
    fn changes_name_their_table_and_key() {
        let update = parse(
            "UPDATE `books_book` SET `stock` = ( `books_book` . `stock` - ? ) WHERE ( `books_book` . `id` = ? AND \
             `books_book` . `stock` >= ? )",
        );
        assert_eq!(update.table.as_deref(), Some("books_book"));
        assert_eq!((update.equal, update.ranged), (vec!["id".into()], vec!["stock".into()]));
        assert_eq!(
            parse("INSERT INTO `orders_order` ( `user_id` ) VALUES (...)").table.as_deref(),
            Some("orders_order")
        );
        assert_eq!(parse("DELETE FROM `s` WHERE `s` . `k` = ?").equal, ["k"]);
    }

    #[test]
    fn a_condition_on_a_joined_table_is_not_the_first_tables() {
        let read =
            parse("SELECT b.id FROM b INNER JOIN a ON (b.a_id = a.id) WHERE a.name = ? ORDER BY a.name ASC");
        assert_eq!((read.equal, read.order), (Vec::<String>::new(), Vec::<String>::new()));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,400}") {
            let read = parse(&text);
            prop_assert!(read.index_columns().len() <= 4);
        }
    }
}
