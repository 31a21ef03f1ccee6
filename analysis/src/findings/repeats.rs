//! Finds a statement recorded by the probe among the statements counted by the database.
//!
//! The probe masks literals as `?` or `%s`, MySQL as `?`, and MySQL separates all tokens and shortens lists. So the two
//! texts are compared without spaces, quotes and masks.

use kneepoint_model::db::DigestDelta;
use kneepoint_model::finding::Evidence;
use kneepoint_model::probe::Statement;

use super::Context;
use super::database::{DbObservation, with_statements};

/// Evidence of how often the database executed a repeated statement under load, and of the time of each execution.
pub(super) fn counted_evidence(context: &Context<'_>, statement: &Statement) -> Option<Evidence> {
    let observed = with_statements(context).ok()?;
    let (one, digest) = observed.iter().find_map(|one| Some((one, find(one, &statement.sql)?)))?;
    let mean = digest.sums.mean_us()?.as_millis();
    let requests = one.window.requests.counted;
    Some(one.evidence(format!(
        "the database counted {} executions of it in {requests} requests of any kind in the {} phase, {mean:.2} ms each by the \
         server-side timer, without the overhead of the application",
        digest.sums.count, one.phase.name
    )))
}

fn find<'a>(observed: &DbObservation<'a>, sql: &str) -> Option<&'a DigestDelta> {
    let wanted = comparable_text(sql);
    (!wanted.is_empty())
        .then(|| {
            observed
                .database
                .statements
                .iter()
                .find(|one| !one.text_cut && comparable_text(&one.text) == wanted)
        })
        .flatten()
}

/// Letters, digits and operators in lower case, without masks.
fn comparable_text(sql: &str) -> String {
    let text = sql.to_ascii_lowercase().replace("%s", "?");
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '`' | '?' | '\'' | '.' | ',')).collect()
}

#[cfg(test)]
mod tests {
    use kneepoint_model::db::{StatementSums, Verb};
    use kneepoint_model::units::Micros;

    use super::*;
    use crate::fixtures;

    const PROBED: &str = r#"SELECT "a"."id", "a"."name" FROM "a" WHERE "a"."id" = %s LIMIT 21"#;
    const DIGEST: &str = "SELECT `a` . `id` , `a` . `name` FROM `a` WHERE `a` . `id` = ? LIMIT ?";

    fn with(sql: &str) -> Option<Evidence> {
        let mut facts = fixtures::healthy();
        let sums = StatementSums { count: 600, timer_us: Micros(600 * 136), ..StatementSums::default() };
        fixtures::window(&mut facts, "open").databases[0].statements.push(fixtures::digest(
            Verb::Select,
            DIGEST,
            sums,
        ));
        let statement =
            Statement { digest: "x".into(), sql: sql.into(), route: String::new(), code: String::new() };
        fixtures::with_context(&facts, |context| counted_evidence(context, &statement))
    }

    #[test]
    fn the_same_statement_is_known_by_both_its_texts() {
        let found = with(&PROBED.replace("21", "?")).expect("the same statement");
        assert!(found.text.contains("600 executions") && found.text.contains("0.14 ms"), "{found:?}");
        assert_eq!(found.source, "db/open.json");
    }

    #[test]
    fn another_statement_is_not() {
        assert_eq!(with(&PROBED.replace("name", "title")), None);
        assert_eq!(with(""), None);
    }
}
