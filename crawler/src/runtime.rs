//! Bridges blocking callers and async requests: a small runtime that lives for one stage.
//!
//! Two workers, because pages are parsed on the worker that received them while the stage's loop must still notice a
//! cancellation. Shutdown does not wait for a name lookup that hangs.

use std::time::Duration;

use kneepoint_model::cancel::Cancel;

use crate::error::CrawlError;

/// How often the cancellation flag is read.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Runs `future` to completion on a new runtime.
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

/// Completes when the shutdown request is set.
pub(crate) async fn wait_for_cancellation(cancel: &Cancel) {
    while !cancel.is_cancelled() {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
