//! The one place where blocking callers meet async requests: a small runtime that lives for one stage.
//!
//! Two workers, because the pages are parsed where they arrive while the stage's own loop stays free to notice the wish
//! to stop. Dropping does not wait for a name look-up that hangs.

use std::time::Duration;

use kneepoint_model::cancel::Cancel;

use crate::error::CrawlError;

/// How often the wish to stop is looked at.
const TICK: Duration = Duration::from_millis(20);

/// Runs `future` to its end on a runtime of its own.
pub(crate) fn block_on<F: Future>(future: F) -> Result<F::Output, CrawlError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("kneepoint-visit")
        .enable_all()
        .build()?;
    let output = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(output)
}

/// Ends when the wish to stop is set.
pub(crate) async fn cancelled(cancel: &Cancel) {
    while !cancel.is_cancelled() {
        tokio::time::sleep(TICK).await;
    }
}
