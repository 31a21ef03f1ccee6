//! The digest table: its rows at one time, the difference of two readings, and the texts of the statements in
//! between.
//!
//! Pitfalls, each met on real servers: the table is never emptied (totals are meaningless); `SUM_ROWS_EXAMINED` is 0
//! for `COUNT(*)`; `SUM_NO_INDEX_USED` is 0 for a scan along the primary key; times are picoseconds; the row without
//! a digest sums the statements that did not fit.

use std::collections::{BTreeSet, HashMap};

use kneepoint_model::db::{DigestDelta, SessionStatements, StatementSample, StatementSums};
use kneepoint_model::text::clip;
use kneepoint_model::units::{Micros, UnixMillis};

use super::session::quote_literal;
use super::table::{ResultTable, number, text};
use crate::store::sql::{mask_literals, parse_comments, parse_verb, session_kind};

/// Counters that are read; a column that a version lacks reads as 0.
const COUNTERS: [&str; 16] = [
    "COUNT_STAR",
    "SUM_TIMER_WAIT",
    "SUM_LOCK_TIME",
    "SUM_CPU_TIME",
    "SUM_ROWS_EXAMINED",
    "SUM_ROWS_SENT",
    "SUM_ROWS_AFFECTED",
    "SUM_SORT_ROWS",
    "SUM_SORT_MERGE_PASSES",
    "SUM_SELECT_SCAN",
    "SUM_SELECT_FULL_JOIN",
    "SUM_NO_INDEX_USED",
    "SUM_CREATED_TMP_TABLES",
    "SUM_CREATED_TMP_DISK_TABLES",
    "SUM_ERRORS",
    "SUM_WARNINGS",
];
/// Column that shows whether CPU time can be counted.
pub(super) const CPU: &str = "SUM_CPU_TIME";

const TABLE: &str = "performance_schema.events_statements_summary_by_digest";
/// Default schema of kneepoint's own connection.
pub(super) const OWN_SCHEMA: &str = "performance_schema";
/// Most statements listed with their text.
pub(super) const MAX_STATEMENTS: usize = 200;
/// Most statements whose text is read: more than are listed, because transaction statements are not listed.
const MAX_TEXTS: usize = 400;
/// Longest text, in characters.
const MAX_TEXT_CHARS: usize = 2_000;
/// Longest sample that is read: to be explained it must be complete.
const MAX_SAMPLE_CHARS: usize = 16_384;

/// Key of a row: schema (empty for none) and digest (empty for statements that did not fit).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct DigestKey {
    pub(super) schema: String,
    pub(super) digest: String,
}

/// Counters of a row, in the order of [`COUNTERS`].
type DigestCounters = [u64; COUNTERS.len()];

/// All rows at one time.
pub(super) type DigestRows = HashMap<DigestKey, DigestCounters>;

/// Query for the counters.
pub(super) fn counters_query(columns: &BTreeSet<String>) -> String {
    let list: Vec<&str> =
        COUNTERS.iter().map(|name| if columns.contains(*name) { *name } else { "0" }).collect();
    format!("SELECT SCHEMA_NAME, DIGEST, {} FROM {TABLE}", list.join(", "))
}

/// Pure: parses the result of [`counters_query`].
pub(super) fn parse_counters(table: &ResultTable) -> DigestRows {
    let mut digests = DigestRows::new();
    for row in &table.rows {
        let key = DigestKey {
            schema: text(row, 0).unwrap_or_default().to_owned(),
            digest: text(row, 1).unwrap_or_default().to_owned(),
        };
        digests.insert(key, std::array::from_fn(|at| number(row, at + 2)));
    }
    digests
}

/// Statements executed between two readings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ExecutedStatements {
    /// Statements of the site's schema, heaviest first.
    pub(super) site: Vec<(String, StatementSums)>,
    /// Sum of the statements of other schemas.
    pub(super) foreign: StatementSums,
    /// Statements that did not fit in the server's table.
    pub(super) lost: u64,
    /// A counter decreased: the table was emptied in between, and the figures are invalid.
    pub(super) emptied: bool,
}

/// Pure: the difference of two readings.
pub(super) fn executed_between(
    before: &DigestRows,
    after: &DigestRows,
    schema: &str,
    cpu: bool,
) -> ExecutedStatements {
    // A missing row is the surest sign: the server itself never removes one.
    let mut executed = ExecutedStatements {
        emptied: before.keys().any(|key| !after.contains_key(key)),
        ..ExecutedStatements::default()
    };
    for (key, now) in after {
        let then = before.get(key).copied().unwrap_or_default();
        executed.emptied |= now[0] < then[0];
        let grown: DigestCounters = std::array::from_fn(|at| now[at].saturating_sub(then[at]));
        if grown[0] == 0 || key.schema == OWN_SCHEMA {
            continue;
        }
        let sums = sums(&grown, cpu);
        if key.digest.is_empty() {
            executed.lost += sums.count;
        } else if key.schema == schema {
            executed.site.push((key.digest.clone(), sums));
        } else {
            executed.foreign.add(&sums);
        }
    }
    executed.site.sort_by(|a, b| b.1.timer_us.cmp(&a.1.timer_us).then_with(|| a.0.cmp(&b.0)));
    executed
}

fn sums(grown: &DigestCounters, cpu: bool) -> StatementSums {
    let micros = |at: usize| Micros(grown[at] / 1_000_000);
    StatementSums {
        count: grown[0],
        timer_us: micros(1),
        lock_us: micros(2),
        cpu_us: cpu.then(|| micros(3)),
        rows_examined: grown[4],
        rows_sent: grown[5],
        rows_affected: grown[6],
        sort_rows: grown[7],
        sort_merge_passes: grown[8],
        full_scans: grown[9],
        full_joins: grown[10],
        no_index_used: grown[11],
        tmp_tables: grown[12],
        tmp_disk_tables: grown[13],
        errors: grown[14],
        warnings: grown[15],
    }
}

/// Query for the texts of the heaviest statements; `None` when nothing was executed.
pub(super) fn texts_query(
    executed: &ExecutedStatements,
    schema: &str,
    columns: &BTreeSet<String>,
) -> Option<String> {
    let hashes =
        executed.site.iter().take(MAX_TEXTS).map(|(digest, _)| quote_literal(digest)).collect::<Vec<_>>();
    if hashes.is_empty() {
        return None;
    }
    let sample = if columns.contains("QUERY_SAMPLE_TEXT") {
        format!(
            "LEFT(QUERY_SAMPLE_TEXT, {MAX_SAMPLE_CHARS}), ROUND(UNIX_TIMESTAMP(QUERY_SAMPLE_SEEN) * 1000), QUERY_SAMPLE_TIMER_WAIT"
        )
    } else {
        "NULL, NULL, NULL".to_owned()
    };
    let list = hashes.join(", ");
    let schema = quote_literal(schema);
    Some(format!(
        "SELECT DIGEST, LEFT(DIGEST_TEXT, {}), {sample} FROM {TABLE} WHERE SCHEMA_NAME = {schema} AND DIGEST IN ({list})",
        MAX_TEXT_CHARS + 1
    ))
}

/// Statements of the site with their texts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct StatementList {
    pub(super) statements: Vec<DigestDelta>,
    pub(super) others: StatementSums,
    pub(super) session: SessionStatements,
    /// Unmasked samples by digest: used for EXPLAIN, never stored.
    pub(super) raw_samples: HashMap<String, String>,
}

/// Pure: joins texts and counters; statements beyond the list or without a text are summed.
pub(super) fn list_statements(
    executed: &ExecutedStatements,
    texts: &ResultTable,
    sample_length: Option<u64>,
) -> StatementList {
    let texts: HashMap<&str, &Vec<Option<String>>> =
        texts.rows.iter().filter_map(|row| Some((text(row, 0)?, row))).collect();
    let mut listed = StatementList::default();
    for (digest, sums) in &executed.site {
        let row = texts.get(digest.as_str());
        // MariaDB ends every text with a blank.
        let Some((row, full_text)) = row.and_then(|row| Some((*row, text(row, 1)?.trim_end()))) else {
            listed.others.add(sums);
            continue;
        };
        if let Some(kind) = session_kind(full_text) {
            *listed.session.by_kind.entry(kind).or_default() += sums.count;
            listed.session.sums.add(sums);
        } else if listed.statements.len() < MAX_STATEMENTS {
            if let Some(raw) = text(row, 2) {
                listed.raw_samples.insert(digest.clone(), raw.to_owned());
            }
            listed.statements.push(digest_delta(digest, *sums, full_text, row, sample_length));
        } else {
            listed.others.add(sums);
        }
    }
    listed
}

fn digest_delta(
    digest: &str,
    sums: StatementSums,
    full_text: &str,
    row: &[Option<String>],
    sample_length: Option<u64>,
) -> DigestDelta {
    let shown = clip(full_text, MAX_TEXT_CHARS);
    DigestDelta {
        digest: clip(digest, 64).to_owned(),
        verb: parse_verb(full_text),
        text_cut: shown.len() < full_text.len() || is_cut(full_text),
        text: shown.to_owned(),
        sums,
        sample: text(row, 2).filter(|raw| !raw.is_empty()).map(|raw| parse_sample(raw, row, sample_length)),
        plan: None,
    }
}

fn parse_sample(raw: &str, row: &[Option<String>], sample_length: Option<u64>) -> StatementSample {
    let masked = mask_literals(raw);
    let shown = clip(&masked, MAX_TEXT_CHARS);
    let comment = parse_comments(raw);
    StatementSample {
        text: shown.to_owned(),
        text_cut: shown.len() < masked.len() || sample_is_cut(raw, sample_length),
        route: comment.route,
        trace_id: comment.trace_id,
        at_ms: UnixMillis(number(row, 3)),
        timer_us: Micros(number(row, 4) / 1_000_000),
    }
}

/// The server ends a truncated text with three dots; a complete one ends with a word or a parenthesis.
fn is_cut(text: &str) -> bool {
    text.ends_with("...")
}

/// True when the sample is incomplete and cannot be explained.
pub(super) fn sample_is_cut(raw: &str, sample_length: Option<u64>) -> bool {
    is_cut(raw)
        || raw.chars().count() >= MAX_SAMPLE_CHARS
        || sample_length.is_some_and(|most| raw.len() as u64 >= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(json: &str) -> ResultTable {
        serde_json::from_str(json).unwrap()
    }

    fn before() -> DigestRows {
        parse_counters(&table(include_str!("../../../tests/data/mysql/digests-before.json")))
    }

    fn after() -> DigestRows {
        parse_counters(&table(include_str!("../../../tests/data/mysql/digests-after.json")))
    }

    #[test]
    fn two_captures_of_a_real_server_give_what_was_done_in_between() {
        let executed = executed_between(&before(), &after(), "shop", true);
        assert!(!executed.emptied && executed.lost == 0);
        let texts = table(include_str!("../../../tests/data/mysql/texts.json"));
        let listed = list_statements(&executed, &texts, Some(4096));
        // Eight times three queries, a sorted list, an update and an insert that failed.
        let all: u64 = listed.statements.iter().map(|one| one.sums.count).sum();
        assert_eq!((all, listed.others.count), (8 * 3 + 3, 0));
        insta::assert_json_snapshot!((&listed.statements, &listed.session, &executed.foreign));
    }

    #[test]
    fn without_counting_cpu_it_is_unknown_and_not_zero() {
        let executed = executed_between(&before(), &after(), "shop", false);
        assert!(executed.site.iter().all(|(_, sums)| sums.cpu_us.is_none()));
    }

    #[test]
    fn an_emptied_table_is_noticed_and_the_other_way_round_too() {
        assert!(executed_between(&after(), &before(), "shop", true).emptied);
        assert!(executed_between(&after(), &DigestRows::new(), "shop", true).emptied);
        assert!(!executed_between(&DigestRows::new(), &after(), "shop", true).emptied);
    }

    #[test]
    fn a_statement_without_text_and_one_beyond_the_list_are_summed() {
        let sums = StatementSums { count: 1, ..StatementSums::default() };
        let site: Vec<_> = (0..MAX_STATEMENTS + 2).map(|n| (format!("{n:064x}"), sums)).collect();
        let row = |(digest, _): &(String, StatementSums)| {
            vec![Some(digest.clone()), Some("SELECT ?".to_owned()), None, None, None]
        };
        let texts = ResultTable { columns: Vec::new(), rows: site.iter().skip(1).map(row).collect() };
        let listed =
            list_statements(&ExecutedStatements { site, ..ExecutedStatements::default() }, &texts, None);
        assert_eq!((listed.statements.len(), listed.others.count), (MAX_STATEMENTS, 2));
    }

    #[test]
    fn missing_columns_are_not_queried() {
        let query = counters_query(&BTreeSet::from(["COUNT_STAR".to_owned()]));
        assert!(query.starts_with("SELECT SCHEMA_NAME, DIGEST, COUNT_STAR, 0, 0,"), "{query}");
        assert_eq!(texts_query(&ExecutedStatements::default(), "s", &BTreeSet::new()), None);
        let executed = ExecutedStatements {
            site: vec![("ab'c".to_owned(), StatementSums::default())],
            ..ExecutedStatements::default()
        };
        let query = texts_query(&executed, "it's", &BTreeSet::new()).unwrap();
        assert!(query.contains("SCHEMA_NAME = 'it''s' AND DIGEST IN ('ab''c')"), "{query}");
        assert!(query.contains("NULL, NULL, NULL"), "{query}");
    }
}
