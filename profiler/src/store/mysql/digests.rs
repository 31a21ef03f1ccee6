//! The digest table: its rows at one moment, the difference of two moments, and the texts of what ran in between.
//!
//! Traps, each met on real servers: the table is never emptied (totals are no figures); `SUM_ROWS_EXAMINED` is 0 for
//! `COUNT(*)`; `SUM_NO_INDEX_USED` is 0 for a walk along the primary key; times are picoseconds; the row without a digest
//! holds what found no room.

use std::collections::{BTreeSet, HashMap};

use kneepoint_model::db::{DigestDelta, SessionStatements, StatementSample, StatementSums};
use kneepoint_model::units::{Micros, UnixMillis};

use super::session::literal;
use super::table::{Table, number, text};
use crate::store::sql::{bound, mask, said_by_comments, session_kind, verb};

/// The counters that are read; a column that a version lacks is read as 0.
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
/// The column that shows whether CPU time can be counted at all.
pub(super) const CPU: &str = "SUM_CPU_TIME";

const TABLE: &str = "performance_schema.events_statements_summary_by_digest";
/// The schema in which kneepoint's own connection stands.
pub(super) const OWN_SCHEMA: &str = "performance_schema";
/// Statements listed with their text.
pub(super) const MOST: usize = 200;
/// Statements whose text is asked for: more than are listed, since those of transactions are not listed.
const MOST_TEXTS: usize = 400;
/// Longest text kept, in characters.
const LONGEST: usize = 2_000;
/// Longest sample asked for: to be explained it must be whole.
const LONGEST_SAMPLE: usize = 16_384;

/// Which row: schema (empty for none) and digest (empty for what found no room).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) schema: String,
    pub(super) digest: String,
}

/// Its counters, in the order of [`COUNTERS`].
type Counters = [u64; COUNTERS.len()];

/// All rows at one moment.
pub(super) type Digests = HashMap<Key, Counters>;

/// The question for the counters.
pub(super) fn counters_question(columns: &BTreeSet<String>) -> String {
    let list: Vec<&str> =
        COUNTERS.iter().map(|name| if columns.contains(*name) { *name } else { "0" }).collect();
    format!("SELECT SCHEMA_NAME, DIGEST, {} FROM {TABLE}", list.join(", "))
}

/// Pure: its answer.
pub(super) fn counters(table: &Table) -> Digests {
    let mut digests = Digests::new();
    for row in &table.rows {
        let key = Key {
            schema: text(row, 0).unwrap_or_default().to_owned(),
            digest: text(row, 1).unwrap_or_default().to_owned(),
        };
        digests.insert(key, std::array::from_fn(|at| number(row, at + 2)));
    }
    digests
}

/// What ran between two moments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ran {
    /// Of the site's schema, the one with most time first.
    pub(super) site: Vec<(String, StatementSums)>,
    /// Of others.
    pub(super) foreign: StatementSums,
    /// Found no room.
    pub(super) lost: u64,
    /// A row counts less than before: the table was emptied in between, and nothing holds.
    pub(super) emptied: bool,
}

/// Pure: the difference of two moments.
pub(super) fn between(before: &Digests, after: &Digests, schema: &str, cpu: bool) -> Ran {
    // A row that is gone is the surest sign: the server itself never removes one.
    let mut ran = Ran { emptied: before.keys().any(|key| !after.contains_key(key)), ..Ran::default() };
    for (key, now) in after {
        let then = before.get(key).copied().unwrap_or_default();
        ran.emptied |= now[0] < then[0];
        let grown: Counters = std::array::from_fn(|at| now[at].saturating_sub(then[at]));
        if grown[0] == 0 || key.schema == OWN_SCHEMA {
            continue;
        }
        let sums = sums(&grown, cpu);
        if key.digest.is_empty() {
            ran.lost += sums.count;
        } else if key.schema == schema {
            ran.site.push((key.digest.clone(), sums));
        } else {
            ran.foreign.add(&sums);
        }
    }
    ran.site.sort_by(|a, b| b.1.timer_us.cmp(&a.1.timer_us).then_with(|| a.0.cmp(&b.0)));
    ran
}

fn sums(grown: &Counters, cpu: bool) -> StatementSums {
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

/// The question for the texts of what took most time; `None` when nothing ran.
pub(super) fn texts_question(ran: &Ran, schema: &str, columns: &BTreeSet<String>) -> Option<String> {
    let hashes = ran.site.iter().take(MOST_TEXTS).map(|(digest, _)| literal(digest)).collect::<Vec<_>>();
    if hashes.is_empty() {
        return None;
    }
    let sample = if columns.contains("QUERY_SAMPLE_TEXT") {
        format!(
            "LEFT(QUERY_SAMPLE_TEXT, {LONGEST_SAMPLE}), ROUND(UNIX_TIMESTAMP(QUERY_SAMPLE_SEEN) * 1000), QUERY_SAMPLE_TIMER_WAIT"
        )
    } else {
        "NULL, NULL, NULL".to_owned()
    };
    let list = hashes.join(", ");
    let schema = literal(schema);
    Some(format!(
        "SELECT DIGEST, LEFT(DIGEST_TEXT, {}), {sample} FROM {TABLE} WHERE SCHEMA_NAME = {schema} AND DIGEST IN ({list})",
        LONGEST + 1
    ))
}

/// The site's statements with their texts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Listed {
    pub(super) statements: Vec<DigestDelta>,
    pub(super) others: StatementSums,
    pub(super) session: SessionStatements,
    /// The samples as the server kept them, by digest: to be explained, never to be stored.
    pub(super) raw_samples: HashMap<String, String>,
}

/// Pure: puts texts to counters; what is beyond the list, or has no text, is summed.
pub(super) fn listed(ran: &Ran, texts: &Table, sample_length: Option<u64>) -> Listed {
    let texts: HashMap<&str, &Vec<Option<String>>> =
        texts.rows.iter().filter_map(|row| Some((text(row, 0)?, row))).collect();
    let mut listed = Listed::default();
    for (digest, sums) in &ran.site {
        let row = texts.get(digest.as_str());
        // MariaDB ends every text with a blank.
        let Some((row, whole)) = row.and_then(|row| Some((*row, text(row, 1)?.trim_end()))) else {
            listed.others.add(sums);
            continue;
        };
        if let Some(kind) = session_kind(whole) {
            *listed.session.by_kind.entry(kind).or_default() += sums.count;
            listed.session.sums.add(sums);
        } else if listed.statements.len() < MOST {
            if let Some(raw) = text(row, 2) {
                listed.raw_samples.insert(digest.clone(), raw.to_owned());
            }
            listed.statements.push(statement(digest, *sums, whole, row, sample_length));
        } else {
            listed.others.add(sums);
        }
    }
    listed
}

fn statement(
    digest: &str,
    sums: StatementSums,
    whole: &str,
    row: &[Option<String>],
    sample_length: Option<u64>,
) -> DigestDelta {
    let (shown, cut) = bound(whole, LONGEST);
    DigestDelta {
        digest: bound(digest, 64).0,
        verb: verb(whole),
        text_cut: cut || is_cut(whole),
        text: shown,
        sums,
        sample: text(row, 2).filter(|raw| !raw.is_empty()).map(|raw| sample(raw, row, sample_length)),
        plan: None,
    }
}

fn sample(raw: &str, row: &[Option<String>], sample_length: Option<u64>) -> StatementSample {
    let (shown, cut) = bound(&mask(raw), LONGEST);
    let said = said_by_comments(raw);
    StatementSample {
        text: shown,
        text_cut: cut || sample_is_cut(raw, sample_length),
        route: said.route,
        trace_id: said.trace_id,
        at_ms: UnixMillis(number(row, 3)),
        timer_us: Micros(number(row, 4) / 1_000_000),
    }
}

/// The server ends a text that it cut with three dots; a whole one ends with a word or a parenthesis.
fn is_cut(text: &str) -> bool {
    text.ends_with("...")
}

/// Is the sample not whole? Then it cannot be explained.
pub(super) fn sample_is_cut(raw: &str, sample_length: Option<u64>) -> bool {
    is_cut(raw)
        || raw.chars().count() >= LONGEST_SAMPLE
        || sample_length.is_some_and(|most| raw.len() as u64 >= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(json: &str) -> Table {
        serde_json::from_str(json).unwrap()
    }

    fn before() -> Digests {
        counters(&table(include_str!("../../../tests/data/mysql/digests-before.json")))
    }

    fn after() -> Digests {
        counters(&table(include_str!("../../../tests/data/mysql/digests-after.json")))
    }

    #[test]
    fn two_captures_of_a_real_server_give_what_was_done_in_between() {
        let ran = between(&before(), &after(), "shop", true);
        assert!(!ran.emptied && ran.lost == 0);
        let texts = table(include_str!("../../../tests/data/mysql/texts.json"));
        let listed = listed(&ran, &texts, Some(4096));
        // Eight times three queries, a sorted list, an update and an insert that failed.
        let all: u64 = listed.statements.iter().map(|one| one.sums.count).sum();
        assert_eq!((all, listed.others.count), (8 * 3 + 3, 0));
        insta::assert_json_snapshot!((&listed.statements, &listed.session, &ran.foreign));
    }

    #[test]
    fn without_counting_cpu_it_is_unknown_and_not_zero() {
        let ran = between(&before(), &after(), "shop", false);
        assert!(ran.site.iter().all(|(_, sums)| sums.cpu_us.is_none()));
    }

    #[test]
    fn an_emptied_table_is_noticed_and_the_other_way_round_too() {
        assert!(between(&after(), &before(), "shop", true).emptied);
        assert!(between(&after(), &Digests::new(), "shop", true).emptied);
        assert!(!between(&Digests::new(), &after(), "shop", true).emptied);
    }

    #[test]
    fn a_statement_without_text_and_one_beyond_the_list_are_summed() {
        let sums = StatementSums { count: 1, ..StatementSums::default() };
        let site: Vec<_> = (0..MOST + 2).map(|n| (format!("{n:064x}"), sums)).collect();
        let row = |(digest, _): &(String, StatementSums)| {
            vec![Some(digest.clone()), Some("SELECT ?".to_owned()), None, None, None]
        };
        let texts = Table { columns: Vec::new(), rows: site.iter().skip(1).map(row).collect() };
        let listed = listed(&Ran { site, ..Ran::default() }, &texts, None);
        assert_eq!((listed.statements.len(), listed.others.count), (MOST, 2));
    }

    #[test]
    fn what_a_version_lacks_is_not_asked_for() {
        let question = counters_question(&BTreeSet::from(["COUNT_STAR".to_owned()]));
        assert!(question.starts_with("SELECT SCHEMA_NAME, DIGEST, COUNT_STAR, 0, 0,"), "{question}");
        assert_eq!(texts_question(&Ran::default(), "s", &BTreeSet::new()), None);
        let ran = Ran { site: vec![("ab'c".to_owned(), StatementSums::default())], ..Ran::default() };
        let question = texts_question(&ran, "it's", &BTreeSet::new()).unwrap();
        assert!(question.contains("SCHEMA_NAME = 'it''s' AND DIGEST IN ('ab''c')"), "{question}");
        assert!(question.contains("NULL, NULL, NULL"), "{question}");
    }
}
