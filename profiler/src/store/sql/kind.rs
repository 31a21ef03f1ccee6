//! Classifies a normalised statement.

use kneepoint_model::db::{SessionKind, Verb};

/// Verb at the beginning of the statement.
pub(crate) fn parse_verb(text: &str) -> Verb {
    let text = text.trim_start_matches(|c: char| c == '(' || c.is_whitespace());
    let word: String = text.chars().take_while(char::is_ascii_alphabetic).take(12).collect();
    match word.to_ascii_uppercase().as_str() {
        "SELECT" | "WITH" | "TABLE" | "VALUES" => Verb::Select,
        "INSERT" => Verb::Insert,
        "UPDATE" => Verb::Update,
        "DELETE" => Verb::Delete,
        "REPLACE" => Verb::Replace,
        "CALL" => Verb::Call,
        _ => Verb::Other,
    }
}

/// Kind of a transaction or session statement; `None` for a query of a page.
pub(crate) fn session_kind(text: &str) -> Option<SessionKind> {
    let text = text.trim_start().to_ascii_uppercase();
    let starts_with = |words: &str| text.starts_with(words);
    if starts_with("SET `AUTOCOMMIT`") || starts_with("SET AUTOCOMMIT") {
        Some(SessionKind::Autocommit)
    } else if starts_with("SET ") || is_connection_query(&text) {
        Some(SessionKind::Setting)
    } else if starts_with("COMMIT") {
        Some(SessionKind::Commit)
    } else if starts_with("ROLLBACK") {
        Some(SessionKind::Rollback)
    } else if starts_with("BEGIN") || starts_with("START TRANSACTION") {
        Some(SessionKind::Begin)
    } else if starts_with("SAVEPOINT") || starts_with("RELEASE SAVEPOINT") {
        Some(SessionKind::Savepoint)
    } else {
        None
    }
}

/// Queries of drivers on a new connection: variables and version, no table.
fn is_connection_query(text: &str) -> bool {
    (text.starts_with("SELECT @@") || text.starts_with("SELECT VERSION")) && !text.contains(" FROM ")
}

#[cfg(test)]
mod tests {
    use SessionKind::{Autocommit, Begin, Commit, Rollback, Savepoint, Setting};

    use super::*;

    #[test]
    fn verbs_are_found_behind_parentheses_and_with() {
        let verbs = ["( SELECT ? ) UNION ( SELECT ? )", "WITH `t` AS ( ... ) SELECT", "update `a`", "SHOW X"]
            .map(parse_verb);
        assert_eq!(verbs, [Verb::Select, Verb::Select, Verb::Update, Verb::Other]);
        assert_eq!(parse_verb(""), Verb::Other);
    }

    #[test]
    fn the_price_of_transactions_and_connections_is_separated_from_queries() {
        let kinds = [
            "SET `autocommit` = ?",
            "COMMIT",
            "ROLLBACK TO SAVEPOINT `s1`",
            "START TRANSACTION",
            "RELEASE SAVEPOINT `s1`",
            "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "SELECT VERSION ( ) , @@SQL_MODE , CONVERT_TZ ( ... ) IS NOT NULL",
        ]
        .map(|text| session_kind(text).expect("a session's statement"));
        assert_eq!(kinds, [Autocommit, Commit, Rollback, Begin, Savepoint, Setting, Setting]);
        for query in ["SELECT `id` FROM `settings`", "INSERT INTO `commits` VALUES (...)", "SETTLE"] {
            assert_eq!(session_kind(query), None, "{query}");
        }
    }
}
