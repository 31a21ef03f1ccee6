//! The books of the shop: stock and sales, counted by the site itself before and after load → `correctness.json`.

use std::time::Duration;

use kneepoint_crawler::ask_json;
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

/// What the site answers; what else it says is passed over.
#[derive(Deserialize)]
struct Told {
    stock: i64,
    sold: u64,
    orders: u64,
    books_below_zero: u64,
}

/// Counts all books, or one.
pub(crate) fn count(stack: &StackInfo, book: Option<u64>, cancel: &Cancel) -> Result<StockCount, String> {
    let path = book.map_or_else(|| PATH.to_owned(), |book| format!("{PATH}?book={book}"));
    let host = stack.host_header.as_deref();
    let told = ask_json(&stack.base_url, host, &path, TIMEOUT, cancel).map_err(|error| error.to_string())?;
    let told: Told = serde_json::from_value(told).map_err(|error| format!("{path}: {error}"))?;
    Ok(StockCount {
        stock: told.stock,
        sold: told.sold,
        orders: told.orders,
        below_zero: told.books_below_zero,
    })
}

/// Counts before and after `load`, and keeps the balance. Only on a throw-away stack; one that does not tell has no balance,
/// which is no fault of the load.
pub(crate) fn balanced<T>(
    stack: &StackInfo,
    run: &mut Run,
    load: impl FnOnce(&mut Run) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let before = stack.throw_away.then(|| count(stack, None, &run.stop.cancel).ok()).flatten();
    let result = load(run);
    let Some(before) = before else { return result };
    match count(stack, None, &run.stop.cancel) {
        Ok(after) => {
            let audit = StockAudit::of(before, after);
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
