//! The books of the shop: stock and sales, counted by the site itself before and after load → `correctness.json`.

use std::time::Duration;

use kneepoint_crawler::fetch_json;
use kneepoint_model::cancel::Cancel;
use kneepoint_model::correctness::{StockAudit, StockCount};
use kneepoint_model::event::Stage;
use kneepoint_model::run::names;
use kneepoint_model::stack::StackInfo;
use serde::Deserialize;

use crate::failure::Failure;
use crate::run::Run;

/// Where the site says it, on a stack that is thrown away.
const PATH: &str = "/healthz/stock";
/// It reads whole tables.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Which books are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Books {
    All,
    /// The one with this key.
    One(u64),
    /// Those that are not newer than the one with this key: what came, and perhaps went, since then is left out, be it
    /// stocked by the load itself.
    UpTo(u64),
}

impl Books {
    fn path(self) -> String {
        match self {
            Self::All => PATH.to_owned(),
            Self::One(key) => format!("{PATH}?book={key}"),
            Self::UpTo(key) => format!("{PATH}?newest={key}"),
        }
    }
}

/// What the site answers; what else it says is passed over.
#[derive(Deserialize)]
pub(crate) struct Told {
    stock: i64,
    sold: u64,
    orders: u64,
    books_below_zero: u64,
    /// Key of the newest book that was counted.
    newest: u64,
}

impl Told {
    pub(crate) fn count(&self) -> StockCount {
        StockCount {
            stock: self.stock,
            sold: self.sold,
            orders: self.orders,
            below_zero: self.books_below_zero,
        }
    }
}

/// Has the site count.
pub(crate) fn count(stack: &StackInfo, books: Books, cancel: &Cancel) -> Result<Told, String> {
    let path = books.path();
    let site = (&stack.base_url, stack.host_header.as_deref(), &stack.via);
    let told = fetch_json(site, &path, TIMEOUT, cancel).map_err(|error| error.to_string())?;
    serde_json::from_value(told).map_err(|error| format!("{path}: {error}"))
}

/// Counts before and after `load`, and keeps the balance. Only on a throw-away stack; one that does not tell has no balance,
/// which is no fault of the load.
pub(crate) fn balanced<T>(
    stack: &StackInfo,
    run: &mut Run,
    load: impl FnOnce(&mut Run) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let before = stack.throw_away.then(|| count(stack, Books::All, &run.stop.cancel).ok()).flatten();
    let result = load(run);
    let Some(before) = before else { return result };
    match count(stack, Books::UpTo(before.newest), &run.stop.cancel) {
        Ok(after) => {
            let audit = StockAudit::of(before.count(), after.count());
            run.folder.write_json(names::CORRECTNESS, &audit)?;
            run.note(Stage::Load, format!("{} sold, {} unaccounted for", audit.sold(), audit.unaccounted()));
        }
        Err(_) if run.stop.cancel.is_set() => {}
        Err(why) => run.unmeasured([kneepoint_model::manifest::Unmeasured {
            what: "whether stock and sales balance after load".to_owned(),
            why,
            fix: "see the log of the server".to_owned(),
        }]),
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found in a healthy run: a book that the load had stocked, and did not get to delete, passed for five lost updates.
    #[test]
    fn the_second_count_leaves_out_what_the_load_stocked() {
        assert_eq!(Books::All.path(), "/healthz/stock");
        assert_eq!(Books::One(1).path(), "/healthz/stock?book=1");
        let told =
            r#"{"stock": 10, "sold": 3, "orders": 2, "books_below_zero": 0, "newest": 500, "confirmed": 2}"#;
        let before: Told = serde_json::from_str(told).unwrap();
        assert_eq!(Books::UpTo(before.newest).path(), "/healthz/stock?newest=500");
        assert_eq!(before.count(), StockCount { stock: 10, sold: 3, orders: 2, below_zero: 0 });
    }
}
