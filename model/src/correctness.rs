//! `correctness.json`: the stock consistency check, which shows updates that were lost under load.
//!
//! The invariant: the copies sold plus the copies in stock are constant. Both are counted in the database itself, before the
//! first and after the last purchase, with no request in flight at either moment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Stock and orders of the shop at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockCount {
    /// Sum of the stock of all books; a database without unsigned columns may let it fall below zero.
    pub stock: i64,
    /// Sum of the quantities in all order lines.
    pub sold: u64,
    /// All orders, whatever their status.
    pub orders: u64,
    /// Books whose stock is below zero.
    pub below_zero: u64,
}

impl StockCount {
    /// All copies: in stock and sold; constant unless an update was lost.
    pub fn total(&self) -> i128 {
        i128::from(self.stock) + i128::from(self.sold)
    }
}

/// Stock and orders before and after load, and whether they are consistent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockAudit {
    /// Version of this file's format.
    pub format_version: u32,
    /// Before the first purchase of the load.
    pub before: StockCount,
    /// After the last, with nothing in flight.
    pub after: StockCount,
    /// True when the total is the same before and after, and no more books are below zero.
    pub holds: bool,
}

impl StockAudit {
    /// Compares two counts.
    pub fn from_counts(before: StockCount, after: StockCount) -> Self {
        Self {
            format_version: crate::run::FORMAT_VERSION,
            before,
            after,
            holds: are_consistent(before, after),
        }
    }

    /// Compares the counts again, whatever `holds` contains.
    pub fn is_consistent(&self) -> bool {
        are_consistent(self.before, self.after)
    }

    /// Copies that were sold while the load ran.
    pub fn sold(&self) -> u64 {
        self.after.sold.saturating_sub(self.before.sold)
    }

    /// Copies that were sold without being taken from the stock; negative when stock decreased without a sale.
    pub fn unaccounted(&self) -> i128 {
        self.after.total() - self.before.total()
    }
}

fn are_consistent(before: StockCount, after: StockCount) -> bool {
    before.total() == after.total() && after.below_zero <= before.below_zero
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shop(stock: i64, sold: u64) -> StockCount {
        StockCount { stock, sold, orders: sold, below_zero: u64::from(stock < 0) }
    }

    #[test]
    fn an_oversold_shop_is_inconsistent() {
        // 310 sold, of which 234 were never taken from the stock: measured with REPEATABLE READ and the `naive` purchase.
        let audit = StockAudit::from_counts(shop(1_000, 0), shop(924, 310));
        assert!(!audit.holds);
        assert_eq!((audit.sold(), audit.unaccounted()), (310, 234));
    }

    #[test]
    fn a_book_below_zero_is_inconsistent_though_the_sum_is_constant() {
        let audit = StockAudit::from_counts(shop(5, 0), shop(-1, 6));
        assert_eq!((audit.holds, audit.unaccounted()), (false, 0));
    }

    #[test]
    fn the_result_in_the_file_is_not_trusted() {
        let mut audit = StockAudit::from_counts(shop(10, 0), shop(10, 3));
        audit.holds = true;
        assert!(!audit.is_consistent());
    }

    proptest! {
        #[test]
        fn complete_sales_are_always_consistent(stock in 0_i64..1_000_000, sold in 0_u64..1_000_000, more in 0_u64..1_000) {
            let more = more.min(stock as u64);
            let audit = StockAudit::from_counts(shop(stock, sold), shop(stock - more as i64, sold + more));
            prop_assert!(audit.holds);
            prop_assert_eq!(audit.sold(), more);
        }

        #[test]
        fn a_lost_update_is_never_consistent(stock in 0_i64..1_000_000, sold in 1_u64..1_000, lost in 1_u64..1_000) {
            let lost = lost.min(sold);
            let after = shop(stock + 1_000 - (sold - lost) as i64, sold);
            prop_assert!(!StockAudit::from_counts(shop(stock + 1_000, 0), after).holds);
        }
    }
}
