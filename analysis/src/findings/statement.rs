//! What a repeated statement is after: read from its text, literals masked, as Django's ORM writes it.
//!
//! `WHERE "books_author"."id" = ?` follows a foreign key forward; `WHERE "books_review"."book_id" = ?` gathers the rows
//! that point back; a condition on a joined table is a many-to-many relation; `COUNT(*)` counts per row. Names are
//! guesses from Django's naming of tables (`<app>_<model>`, `<app>_<model>_<field>`), and the advice says so.

use std::sync::LazyLock;

use regex::Regex;

/// What the statement does for each row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Fetches the one row that a foreign key or one-to-one field points to.
    Forward {
        /// Table it reads.
        table: String,
        /// Column it selects by.
        column: String,
        /// Likely name of the field.
        field: String,
    },
    /// Fetches the rows that point back to this one.
    Reverse {
        /// Table it reads.
        table: String,
        /// Column it selects by.
        column: String,
        /// Likely name of the accessor.
        accessor: String,
    },
    /// Fetches the other side of a many-to-many relation.
    ManyToMany {
        /// Table in between.
        through: String,
        /// Likely name of the field.
        field: String,
    },
    /// Counts, or asks whether there is any.
    Aggregate {
        /// Table it reads.
        table: String,
    },
    /// Something else.
    Unknown,
}

static FROM: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)\bFROM\s+(\w+)"));
static WHERE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\bWHERE\s+\(*\s*(\w+)\.(\w+)\s*=\s*(?:%s|\?|:\w+|\$\d+|'\?'|\d+|N)"));
static AGGREGATE: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)^\s*SELECT\s+(?:COUNT\s*\(|(?:\(\s*)?(?:1|\?|%s)\s*\)?\s+AS\b|EXISTS\b|SUM\s*\(|AVG\s*\()")
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("constant patterns are valid")
}

/// Reads a statement.
pub(super) fn purpose(sql: &str) -> Purpose {
    let plain: String = sql.chars().filter(|c| !matches!(c, '"' | '`' | '[' | ']')).take(20_000).collect();
    let Some(table) = FROM.captures(&plain).map(|found| found[1].to_owned()) else { return Purpose::Unknown };
    if AGGREGATE.is_match(&plain) {
        return Purpose::Aggregate { table };
    }
    let Some(condition) = WHERE.captures(&plain) else { return Purpose::Unknown };
    let (on, column) = (condition[1].to_owned(), condition[2].to_owned());
    if on != table {
        if !plain.to_ascii_lowercase().contains(&format!("join {} ", on.to_ascii_lowercase())) {
            return Purpose::Unknown;
        }
        return Purpose::ManyToMany { field: last_word(&on), through: on };
    }
    match column.strip_suffix("_id") {
        Some(stem) if !stem.is_empty() => {
            Purpose::Reverse { accessor: format!("{}_set", last_word(&table)), table, column }
        }
        _ => Purpose::Forward { field: last_word(&table), table, column },
    }
}

impl Purpose {
    /// What to do about it, naming field or relation.
    pub(super) fn advice(&self) -> String {
        match self {
            Self::Forward { table, field, .. } => format!(
                "fetch the related row with the list: `.select_related(\"{field}\")` on the view's queryset (the field is \
                 named after table `{table}` here; use its name in your model)"
            ),
            Self::Reverse { accessor, table, column } => format!(
                "fetch all related rows at once: `.prefetch_related(\"{accessor}\")` on the view's queryset (or the \
                 `related_name` of `{table}.{column}`)"
            ),
            Self::ManyToMany { field, through } => format!(
                "fetch the other side at once: `.prefetch_related(\"{field}\")` on the view's queryset (the relation goes \
                 through `{through}`)"
            ),
            Self::Aggregate { table } => format!(
                "count in the list's own statement: `.annotate(n=Count(…))` over the relation to `{table}`, in place of \
                 `.count()` or `.exists()` for each row"
            ),
            Self::Unknown => "fetch the related rows with the list: `.select_related(…)` for a foreign key, \
                              `.prefetch_related(…)` for rows that point back"
                .to_owned(),
        }
    }
}

fn last_word(table: &str) -> String {
    table.rsplit('_').next().unwrap_or(table).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_key_is_followed_forward() {
        let sql = r#"SELECT "books_author"."id", "books_author"."name" FROM "books_author" WHERE "books_author"."id" = %s LIMIT 21"#;
        assert!(purpose(sql).advice().contains(r#"select_related("author")"#), "{:?}", purpose(sql));
    }

    #[test]
    fn mysql_quotes_and_masks_read_the_same() {
        let sql = "SELECT `books_author`.`id` FROM `books_author` WHERE `books_author`.`isbn` = ? LIMIT ?";
        assert!(matches!(purpose(sql), Purpose::Forward { field, .. } if field == "author"));
    }

    #[test]
    fn rows_that_point_back_are_prefetched() {
        let sql = r#"SELECT "books_review"."id" FROM "books_review" WHERE "books_review"."book_id" = ? ORDER BY "books_review"."id" ASC"#;
        assert!(purpose(sql).advice().contains(r#"prefetch_related("review_set")"#), "{:?}", purpose(sql));
    }

    #[test]
    fn a_condition_on_the_joined_table_is_many_to_many() {
        let sql = r#"SELECT "books_tag"."id" FROM "books_tag" INNER JOIN "books_book_tags" ON ("books_tag"."id" = "books_book_tags"."tag_id") WHERE "books_book_tags"."book_id" = %s"#;
        assert!(purpose(sql).advice().contains(r#"prefetch_related("tags")"#), "{:?}", purpose(sql));
    }

    #[test]
    fn counting_per_row_is_annotated() {
        for sql in [
            r#"SELECT COUNT(*) AS "__count" FROM "books_review" WHERE "books_review"."book_id" = ?"#,
            r#"SELECT 1 AS "a" FROM "books_review" WHERE "books_review"."book_id" = ? LIMIT 1"#,
        ] {
            assert!(purpose(sql).advice().contains("annotate"), "{sql}");
        }
    }

    #[test]
    fn anything_else_is_unknown_and_never_a_panic() {
        for sql in [
            "",
            "PRAGMA x",
            "SELECT",
            "INSERT INTO a VALUES (?)",
            "SELECT 2 FROM \u{1F600} WHERE",
            "FROM a WHERE a.b IN (?)",
        ] {
            assert_eq!(purpose(sql), Purpose::Unknown, "{sql}");
        }
    }
}
