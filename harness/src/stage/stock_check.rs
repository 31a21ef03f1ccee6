//! ResourceWindow consistency check: the site counts stock and sales before and after load → `correctness.json`.

use std::time::Duration;

use kneepoint_crawler::fetch_json;
use kneepoint_model::cancel::Cancel;
use kneepoint_model::correctness::{StockAudit, StockCount};
use kneepoint_model::run::names;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;
use serde::Deserialize;

use crate::failure::Failure;
use crate::run::Run;

/// The bookstore serves it on a throw-away stack only.
const PATH: &str = "/healthz/stock";
/// Long, because the site reads whole tables.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The books that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BookRange {
    All,
    /// Only the book with this key.
    One(u64),
    /// Those with this key or a lower one: excludes books that the load itself adds and deletes.
    UpTo(u64),
}

impl BookRange {
    fn path(self) -> String {
        match self {
            Self::All => PATH.to_owned(),
            Self::One(key) => format!("{PATH}?book={key}"),
            Self::UpTo(key) => format!("{PATH}?newest={key}"),
        }
    }
}

/// The response of the site; other fields are ignored.
#[derive(Deserialize)]
pub(crate) struct StockReport {
    stock: i64,
    sold: u64,
    orders: u64,
    books_below_zero: u64,
    /// Key of the newest book that was counted.
    newest: u64,
}

impl StockReport {
    pub(crate) fn count(&self) -> StockCount {
        StockCount {
            stock: self.stock,
            sold: self.sold,
            orders: self.orders,
            below_zero: self.books_below_zero,
        }
    }
}

/// Asks the site to count.
pub(crate) fn count_stock(
    stack: &StackInfo,
    books: BookRange,
    cancel: &Cancel,
) -> Result<StockReport, String> {
    let path = books.path();
    let site = (&stack.base_url, stack.host_header.as_deref(), &stack.via);
    let response = fetch_json(site, &path, TIMEOUT, cancel).map_err(|error| error.to_string())?;
    serde_json::from_value(response).map_err(|error| format!("{path}: {error}"))
}

/// Counts before and after `load` and writes the comparison. Only on a throw-away stack whose site can count; for any other
/// there is no check.
pub(crate) fn with_stock_check<T>(
    stack: &StackInfo,
    run: &mut Run,
    load: impl FnOnce(&mut Run) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let before =
        stack.throw_away.then(|| count_stock(stack, BookRange::All, &run.shutdown.cancel).ok()).flatten();
    let result = load(run);
    let Some(before) = before else { return result };
    match count_stock(stack, BookRange::UpTo(before.newest), &run.shutdown.cancel) {
        Ok(after) => {
            let audit = StockAudit::from_counts(before.count(), after.count());
            run.folder.write_json(names::CORRECTNESS, &audit)?;
            run.note(Stage::Load, format!("{} sold, {} unaccounted for", audit.sold(), audit.unaccounted()));
        }
        Err(_) if run.shutdown.cancel.is_cancelled() => {}
        Err(why) => run.add_unmeasured([kneepoint_model::unmeasured::Unmeasured {
            what: "whether stock and sales balance after load".to_owned(),
            why,
            fix: "see the log of the server in logs/".to_owned(),
        }]),
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: a book that the load had added, and did not delete in time, counted as five lost updates.
    #[test]
    fn the_second_count_leaves_out_books_added_by_the_load() {
        assert_eq!(BookRange::All.path(), "/healthz/stock");
        assert_eq!(BookRange::One(1).path(), "/healthz/stock?book=1");
        let response =
            r#"{"stock": 10, "sold": 3, "orders": 2, "books_below_zero": 0, "newest": 500, "confirmed": 2}"#;
        let before: StockReport = serde_json::from_str(response).unwrap();
        assert_eq!(BookRange::UpTo(before.newest).path(), "/healthz/stock?newest=500");
        assert_eq!(before.count(), StockCount { stock: 10, sold: 3, orders: 2, below_zero: 0 });
    }
}
