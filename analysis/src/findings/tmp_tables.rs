//! Statements whose sorting and grouping writes temporary tables to disk.

use kneepoint_model::db::DigestDelta;
use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;

use super::context::MIN_SAMPLES;
use super::database::{DbObservation, describe_cost, parse_digest, route_of, with_statements};
use super::text::MAX_QUOTED;
use super::{Context, RuleOutcome};

/// Minimum number of temporary tables on disk per execution of a statement.
pub const PER_EXECUTION: f64 = 0.5;

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    let observed = match with_statements(context) {
        Ok(observed) => observed,
        Err(outcome) => return outcome,
    };
    let findings = |one: &DbObservation<'_>| {
        let spilling = one.database.statements.iter().filter(|digest| writes_to_disk(digest));
        spilling.map(|digest| build_finding(one, digest)).collect::<Vec<_>>()
    };
    RuleOutcome::found(observed.iter().flat_map(findings).collect())
}

fn writes_to_disk(digest: &DigestDelta) -> bool {
    let sums = &digest.sums;
    sums.tmp_disk_tables >= MIN_SAMPLES && sums.tmp_disk_tables as f64 >= sums.count as f64 * PER_EXECUTION
}

fn build_finding(observed: &DbObservation<'_>, digest: &DigestDelta) -> Finding {
    let table = parse_digest(digest).table.unwrap_or_default();
    let named = if table.is_empty() {
        "a statement".to_owned()
    } else {
        format!("a statement on `{}`", single_line(&table, MAX_QUOTED))
    };
    Finding {
        id: finding_id(Rule::TmpTables, Tier::Db, Some(&digest.digest)),
        rule: Rule::TmpTables,
        severity: Severity::Hint,
        tier: Tier::Db,
        route: route_of(digest),
        title: format!("{named} writes a temporary table to disk each time"),
        evidence: vec![
            observed.evidence(format!(
                "{} temporary tables on disk in {} executions: {}",
                digest.sums.tmp_disk_tables,
                digest.sums.count,
                single_line(&digest.text, 200)
            )),
            observed.evidence(describe_cost(observed, digest)),
        ],
        saving: None,
        fix: "exclude long text columns from what is sorted or grouped (`.defer(…)`, `.values(…)`), add an index with the sort \
              or group order, or raise `tmp_table_size` and `temptable_max_ram` if all rows are needed"
            .to_owned(),
        reproduce: format!("SHOW STATUS LIKE 'Created_tmp%' before and after: {}", single_line(&digest.text, 200)),
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::db::{StatementSums, Verb};

    use super::*;
    use crate::fixtures;

    fn with(count: u64, on_disk: u64) -> Vec<Finding> {
        let mut facts = fixtures::healthy();
        let sums =
            StatementSums { count, tmp_tables: count, tmp_disk_tables: on_disk, ..StatementSums::default() };
        let digest = fixtures::digest(Verb::Select, "SELECT DISTINCT `b` . `summary` FROM `b`", sums);
        fixtures::window(&mut facts, "open").databases[0].statements.push(digest);
        fixtures::findings(&facts, check)
    }

    #[test]
    fn a_statement_that_writes_to_disk_each_time_is_a_hint() {
        let found = with(100, 100);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Hint));
        assert!(found[0].title.contains("`b`"));
    }

    #[test]
    fn tables_in_memory_and_a_few_on_disk_are_no_finding() {
        assert!(with(100, 0).is_empty());
        assert!(with(100, 10).is_empty());
    }
}
