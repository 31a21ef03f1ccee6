//! The purpose of a repeated statement, from its text with masked literals, as Django's ORM writes it.
//!
//! `WHERE "books_author"."id" = ?` follows a foreign key forward; `WHERE "books_review"."book_id" = ?` fetches the rows
//! that refer back; a condition on a joined table is a many-to-many relation; `COUNT(*)` counts per row. The names are
//! guesses from Django's table names (`<app>_<model>`, `<app>_<model>_<field>`), and the advice states that.

use std::sync::LazyLock;

use regex::Regex;

/// The purpose of the statement for each row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Fetches the one row that a foreign key or one-to-one field points to.
    Forward {
        /// Table that it reads.
        table: String,
        /// Column of its condition.
        column: String,
        /// Likely name of the model field.
        field: String,
    },
    /// Fetches the rows that refer back to this one.
    Reverse {
        /// Table that it reads.
        table: String,
        /// Column of its condition.
        column: String,
        /// Likely name of the related manager.
        accessor: String,
    },
    /// Fetches the other side of a many-to-many relation.
    ManyToMany {
        /// Table of the relation.
        through: String,
        /// Likely name of the model field.
        field: String,
    },
    /// Counts rows, or checks whether one exists.
    Aggregate {
        /// Table that it reads.
        table: String,
    },
    /// None of the others.
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

/// Classifies a statement by its text.
pub(super) fn classify(sql: &str) -> Purpose {
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
    /// The fix, with the name of the field or relation.
    pub(super) fn advice(&self) -> String {
        match self {
            Self::Forward { table, field, .. } => format!(
                "fetch the related row with the list: `.select_related(\"{field}\")` on the view's queryset (the field name is \
                 guessed from table `{table}`; use the name in your model)"
            ),
            Self::Reverse { accessor, table, column } => format!(
                "fetch all related rows with the list: `.prefetch_related(\"{accessor}\")` on the view's queryset (or the \
                 `related_name` of `{table}.{column}`)"
            ),
            Self::ManyToMany { field, through } => format!(
                "fetch the other side with the list: `.prefetch_related(\"{field}\")` on the view's queryset (the relation goes \
                 through `{through}`)"
            ),
            Self::Aggregate { table } => format!(
                "count in the list's own statement: `.annotate(n=Count(…))` over the relation to `{table}`, instead of \
                 `.count()` or `.exists()` for each row"
            ),
            Self::Unknown => "fetch the related rows with the list: `.select_related(…)` for a foreign key, \
                              `.prefetch_related(…)` for rows that refer back"
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
        assert!(classify(sql).advice().contains(r#"select_related("author")"#), "{:?}", classify(sql));
    }

    #[test]
    fn quotes_and_masks_of_mysql_are_classified_the_same() {
        let sql = "SELECT `books_author`.`id` FROM `books_author` WHERE `books_author`.`isbn` = ? LIMIT ?";
        assert!(matches!(classify(sql), Purpose::Forward { field, .. } if field == "author"));
    }

    #[test]
    fn rows_that_point_back_are_prefetched() {
        let sql = r#"SELECT "books_review"."id" FROM "books_review" WHERE "books_review"."book_id" = ? ORDER BY "books_review"."id" ASC"#;
        assert!(classify(sql).advice().contains(r#"prefetch_related("review_set")"#), "{:?}", classify(sql));
    }

    #[test]
    fn a_condition_on_the_joined_table_is_many_to_many() {
        let sql = r#"SELECT "books_tag"."id" FROM "books_tag" INNER JOIN "books_book_tags" ON ("books_tag"."id" = "books_book_tags"."tag_id") WHERE "books_book_tags"."book_id" = %s"#;
        assert!(classify(sql).advice().contains(r#"prefetch_related("tags")"#), "{:?}", classify(sql));
    }

    #[test]
    fn counting_per_row_is_annotated() {
        for sql in [
            r#"SELECT COUNT(*) AS "__count" FROM "books_review" WHERE "books_review"."book_id" = ?"#,
            r#"SELECT 1 AS "a" FROM "books_review" WHERE "books_review"."book_id" = ? LIMIT 1"#,
        ] {
            assert!(classify(sql).advice().contains("annotate"), "{sql}");
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
            assert_eq!(classify(sql), Purpose::Unknown, "{sql}");
        }
    }
}
