//! Something was sold that was never taken from the stock: correctness under load, not speed.
//!
//! The only rule that needs no phase that may be believed: however loaded the machine was, what was sold and what is left
//! must make what there was. The counts are balanced again here; what the file claims of itself is not asked.

use kneepoint_model::correctness::{StockAudit, StockCount};
use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::run::names;
use kneepoint_model::tier::Tier;

use super::context::evidence;
use super::{Context, Judgement};

pub(super) fn check(context: &Context<'_>) -> Judgement {
    let Some(audit) = &context.facts.correctness else {
        return Judgement::not_judged("stock and sales were not counted before and after the load");
    };
    if audit.is_consistent() {
        return if audit.sold() == 0 {
            Judgement::not_judged("nothing was sold under load, so nothing could be lost")
        } else {
            Judgement::found(Vec::new())
        };
    }
    Judgement::found(vec![finding(context, audit)])
}

/// What is wrong with the shop's books, in one line.
pub(crate) fn broken(audit: &StockAudit) -> String {
    match audit.unaccounted() {
        0 => format!("{} books were sold below a stock of zero", audit.after.below_zero),
        n if n > 0 => format!("{n} of {} pieces were sold without being taken from the stock", audit.sold()),
        n => format!("{} pieces left the stock without being sold", -n),
    }
}

fn counted(when: &str, count: &StockCount) -> String {
    format!(
        "{when}: {} in stock + {} sold = {}, in {} orders; {} books below zero",
        count.stock,
        count.sold,
        count.total(),
        count.orders,
        count.below_zero
    )
}

fn finding(context: &Context<'_>, audit: &StockAudit) -> Finding {
    let mut all = vec![
        evidence(counted("before", &audit.before), names::CORRECTNESS),
        evidence(counted("after", &audit.after), names::CORRECTNESS),
    ];
    let toggles = context.facts.stack.as_ref().map(|stack| &stack.toggles);
    let switched =
        |name: &str| toggles.and_then(|toggles| toggles.get(name)).filter(|value| !value.is_empty());
    for (name, what) in [("KP_ISOLATION", "isolation level"), ("KP_PURCHASE", "way of purchasing")] {
        if let Some(value) = switched(name) {
            all.push(evidence(format!("{what}: {}", super::text::clip(value)), names::STACK));
        }
    }
    Finding {
        id: finding_id(Rule::LostUpdate, Tier::Db, None),
        rule: Rule::LostUpdate,
        severity: Severity::Proven,
        tier: Tier::Db,
        route: None,
        title: format!("updates were lost under load: {}", broken(audit)),
        evidence: all,
        saving: None,
        fix: "let the database arbitrate: `Book.objects.filter(pk=pk, stock__gte=n).update(stock=F(\"stock\") - n)` and refuse \
              when no row was changed, or lock the row first with `select_for_update()` in the same transaction; never write \
              back a `stock` that was computed from what had been read before. No figure of speed counts until this holds"
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
    use crate::{analyse, base_verdict, hand};

    fn audit(before: (i64, u64), after: (i64, u64), below_zero: u64) -> StockAudit {
        let count = |(stock, sold), below_zero| StockCount { stock, sold, orders: sold, below_zero };
        StockAudit::from_counts(count(before, 0), count(after, below_zero))
    }

    fn with(audit: Option<StockAudit>) -> crate::RunFacts {
        crate::RunFacts { correctness: audit, ..hand::healthy() }
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
    fn a_file_that_claims_to_hold_is_not_believed() {
        let mut claims = audit((10, 0), (10, 4), 0);
        claims.holds = true;
        assert_eq!(hand::findings(&with(Some(claims)), check).len(), 1);
    }

    #[test]
    fn an_invalid_run_still_says_that_updates_were_lost() {
        let mut facts = with(Some(audit((10, 0), (10, 4), 0)));
        facts.phases.iter_mut().for_each(|phase| phase.validity.valid = false);
        let analysis = analyse(&facts);
        assert_eq!(analysis.findings[0].rule, Rule::LostUpdate);
        let verdict = base_verdict(&facts, &analysis);
        assert_eq!(verdict.status, VerdictStatus::Invalid);
        assert!(verdict.reasons.iter().any(|why| why.contains("updates were lost")), "{verdict:?}");
    }

    #[test]
    fn balanced_books_are_none_and_no_sale_proves_nothing() {
        assert!(hand::findings(&with(Some(audit((1_000, 0), (690, 310), 0))), check).is_empty());
        hand::with_context(&with(Some(audit((1_000, 0), (1_000, 0), 0))), |context| {
            assert!(check(context).not_judged.is_some());
        });
        hand::with_context(&with(None), |context| assert!(check(context).not_judged.is_some()));
    }

    #[test]
    fn what_left_without_being_sold_and_what_fell_below_zero_are_told_apart() {
        assert!(broken(&audit((10, 0), (5, 2), 0)).starts_with("3 pieces left"));
        assert!(broken(&audit((1, 0), (-1, 2), 1)).contains("below a stock of zero"));
    }
}
