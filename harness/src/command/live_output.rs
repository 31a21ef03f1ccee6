//! Output during load beside the console and the run folder: the full-screen view, and metrics by OTLP.

use std::sync::Arc;

use kneepoint_live::{Exporter, headers_from_env};
use kneepoint_model::exit::ExitCode;

use crate::announce::Announcer;
use crate::cli::LiveArgs;
use crate::config::ReportPart;
use crate::failure::Failure;

/// Starts the export, so that a bad configuration fails before anything else starts. `None` without a collector.
pub(super) fn start_exporter(part: &ReportPart) -> Result<Option<Exporter>, Failure> {
    let Some(collector) = &part.otlp else { return Ok(None) };
    let usage = |why| Failure::new(ExitCode::Usage, why);
    let headers = headers_from_env(|name| std::env::var(name).ok()).map_err(usage)?;
    Exporter::start(collector.0.clone(), headers).map(Some).map_err(Failure::internal)
}

/// Runs `work` with the view and the export open; both are closed afterwards, also after a panic.
pub(super) fn with_live_output<T>(
    events: &Arc<Announcer>,
    (args, title): (&LiveArgs, &str),
    exporter: Option<Exporter>,
    work: impl FnOnce() -> T,
) -> T {
    let _close = CloseOnDrop(events);
    if let Some(exporter) = exporter {
        events.set_exporter(exporter);
    }
    if args.watch {
        events.open_view(title);
    }
    work()
}

struct CloseOnDrop<'a>(&'a Announcer);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}
