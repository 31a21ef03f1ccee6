//! What kind of statement a normalised text is.

use kneepoint_model::db::{SessionKind, Verb};

/// What it begins with.
pub(crate) fn verb(text: &str) -> Verb {
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

/// The kind of a transaction or session statement; `None` for a statement that a page asked for.
pub(crate) fn session_kind(text: &str) -> Option<SessionKind> {
    let text = text.trim_start().to_ascii_uppercase();
    let begins = |words: &str| text.starts_with(words);
    if begins("SET `AUTOCOMMIT`") || begins("SET AUTOCOMMIT") {
        Some(SessionKind::Autocommit)
    } else if begins("SET ") || is_greeting(&text) {
        Some(SessionKind::Setting)
    } else if begins("COMMIT") {
        Some(SessionKind::Commit)
    } else if begins("ROLLBACK") {
        Some(SessionKind::Rollback)
    } else if begins("BEGIN") || begins("START TRANSACTION") {
        Some(SessionKind::Begin)
    } else if begins("SAVEPOINT") || begins("RELEASE SAVEPOINT") {
        Some(SessionKind::Savepoint)
    } else {
        None
    }
}

/// What drivers ask on a new connection: variables and version, no table.
fn is_greeting(text: &str) -> bool {
    (text.starts_with("SELECT @@") || text.starts_with("SELECT VERSION")) && !text.contains(" FROM ")
}

#[cfg(test)]
mod tests {
    use SessionKind::{Autocommit, Begin, Commit, Rollback, Savepoint, Setting};

    use super::*;

    #[test]
    fn verbs_are_found_behind_parentheses_and_with() {
        let verbs = ["( SELECT ? ) UNION ( SELECT ? )", "WITH `t` AS ( ... ) SELECT", "update `a`", "SHOW X"]
            .map(verb);
        assert_eq!(verbs, [Verb::Select, Verb::Select, Verb::Update, Verb::Other]);
        assert_eq!(verb(""), Verb::Other);
    }

    #[test]
    fn the_price_of_transactions_and_connections_is_told_from_queries() {
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
