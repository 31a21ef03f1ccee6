//! Updates lost under load: items that were sold without being taken from the stock. Correctness, not speed.
//!
//! Validity of the phases does not matter here: the sum of sold items and stock must not change under any load. The rule
//! adds up the counts itself and ignores the result stored in the file.

use kneepoint_model::correctness::{StockAudit, StockCount};
use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::run::names;
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;

use super::context::evidence;
use super::text::MAX_QUOTED;
use super::{Context, RuleOutcome};

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    let Some(audit) = &context.facts.correctness else {
        return RuleOutcome::not_applicable(
            "the run has no stock consistency check before and after the load",
        );
    };
    if audit.is_consistent() {
        return if audit.sold() == 0 {
            RuleOutcome::not_applicable("nothing was sold under load, so no update can be lost")
        } else {
            RuleOutcome::found(Vec::new())
        };
    }
    RuleOutcome::found(vec![build_finding(context, audit)])
}

/// The inconsistency of stock and sales, in one line.
pub(crate) fn describe_imbalance(audit: &StockAudit) -> String {
    match audit.unaccounted() {
        0 => format!("{} books have a stock below zero", audit.after.below_zero),
        n if n > 0 => format!("{n} of {} sold pieces were not taken from the stock", audit.sold()),
        n => format!("{} pieces left the stock without a sale", -n),
    }
}

fn describe_count(when: &str, count: &StockCount) -> String {
    format!(
        "{when}: {} in stock + {} sold = {}, in {} orders; {} books with a stock below zero",
        count.stock,
        count.sold,
        count.total(),
        count.orders,
        count.below_zero
    )
}

fn build_finding(context: &Context<'_>, audit: &StockAudit) -> Finding {
    let mut all = vec![
        evidence(describe_count("before", &audit.before), names::CORRECTNESS),
        evidence(describe_count("after", &audit.after), names::CORRECTNESS),
    ];
    let toggles = context.facts.stack.as_ref().map(|stack| &stack.toggles);
    let toggle = |name: &str| toggles.and_then(|toggles| toggles.get(name)).filter(|value| !value.is_empty());
    for (name, what) in [("KP_ISOLATION", "isolation level"), ("KP_PURCHASE", "purchase implementation")] {
        if let Some(value) = toggle(name) {
            all.push(evidence(format!("{what}: {}", single_line(value, MAX_QUOTED)), names::STACK));
        }
    }
    Finding {
        id: finding_id(Rule::LostUpdate, Tier::Db, None),
        rule: Rule::LostUpdate,
        severity: Severity::Proven,
        tier: Tier::Db,
        route: None,
        title: format!("updates were lost under load: {}", describe_imbalance(audit)),
        evidence: all,
        saving: None,
        fix: "change the stock in one statement: `Book.objects.filter(pk=pk, stock__gte=n).update(stock=F(\"stock\") - n)` and refuse \
              the purchase when no row was changed; or lock the row first with `select_for_update()` in the same transaction; never write \
              back a `stock` computed from an earlier read. Figures of speed do not count until this is fixed"
            .to_owned(),
        reproduce: "count before and after several users buy the same book at once: `SELECT SUM(stock) FROM books_book` and \
                    `SELECT SUM(quantity) FROM orders_orderitem`; their sum must not change"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use kneepoint_model::verdict::VerdictStatus;

    use super::*;
    use crate::{analyse, base_verdict, fixtures};

    fn audit(before: (i64, u64), after: (i64, u64), below_zero: u64) -> StockAudit {
        let count = |(stock, sold), below_zero| StockCount { stock, sold, orders: sold, below_zero };
        StockAudit::from_counts(count(before, 0), count(after, below_zero))
    }

    fn with(audit: Option<StockAudit>) -> crate::RunFacts {
        crate::RunFacts { correctness: audit, ..fixtures::healthy() }
    }

    #[test]
    fn overselling_is_proven_leads_and_fails_the_run() {
        let facts = with(Some(audit((1_000, 0), (924, 310), 0)));
        let analysis = analyse(&facts);
        assert_eq!(
            (analysis.findings[0].rule, analysis.findings[0].severity),
            (Rule::LostUpdate, Severity::Proven)
        );
        assert!(analysis.findings[0].title.contains("234 of 310"), "{}", analysis.findings[0].title);
        let verdict = base_verdict(&facts, &analysis);
        assert_eq!((verdict.status, verdict.exit_code), (VerdictStatus::Fail, 1));
        assert!(verdict.reasons[0].contains("234 of 310"), "{verdict:?}");
    }

    #[test]
    fn the_result_stored_in_the_file_does_not_count() {
        let mut claims = audit((10, 0), (10, 4), 0);
        claims.holds = true;
        assert_eq!(fixtures::findings(&with(Some(claims)), check).len(), 1);
    }

    #[test]
    fn an_invalid_run_still_reports_lost_updates() {
        let mut facts = with(Some(audit((10, 0), (10, 4), 0)));
        facts.phases.iter_mut().for_each(|phase| phase.validity.valid = false);
        let analysis = analyse(&facts);
        assert_eq!(analysis.findings[0].rule, Rule::LostUpdate);
        let verdict = base_verdict(&facts, &analysis);
        assert_eq!(verdict.status, VerdictStatus::Invalid);
        assert!(verdict.reasons.iter().any(|why| why.contains("updates were lost")), "{verdict:?}");
    }

    #[test]
    fn consistent_stock_is_no_finding_and_without_sales_the_rule_is_not_applicable() {
        assert!(fixtures::findings(&with(Some(audit((1_000, 0), (690, 310), 0))), check).is_empty());
        fixtures::with_context(&with(Some(audit((1_000, 0), (1_000, 0), 0))), |context| {
            assert!(check(context).not_evaluated.is_some());
        });
        fixtures::with_context(&with(None), |context| assert!(check(context).not_evaluated.is_some()));
    }

    #[test]
    fn missing_pieces_and_a_negative_stock_have_different_texts() {
        assert!(describe_imbalance(&audit((10, 0), (5, 2), 0)).starts_with("3 pieces left"));
        assert!(describe_imbalance(&audit((1, 0), (-1, 2), 1)).contains("a stock below zero"));
    }
}
