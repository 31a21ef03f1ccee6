//! Who is told of load while it runs, beside the console and the run folder: the view, and a collector of metrics.

use std::sync::Arc;

use kneepoint_model::exit::ExitCode;

use crate::announce::Announcer;
use crate::cli::WatchArgs;
use crate::config::ReportPart;
use crate::failure::Failure;
use crate::otlp::{self, Exporter};

/// Makes the collector ready; what is wrong with it is said before anything starts.
pub(super) fn exporter(part: &ReportPart) -> Result<Option<Exporter>, Failure> {
    let Some(collector) = &part.otlp else { return Ok(None) };
    let usage = |why| Failure::new(ExitCode::Usage, why);
    let headers = otlp::headers(|name| std::env::var(name).ok()).map_err(usage)?;
    Exporter::start(collector.0.clone(), headers).map(Some).map_err(Failure::internal)
}

/// Work that is told to all of them; whatever ends it, they are ended after it, and the terminal is as it was.
pub(super) fn told<T>(
    events: &Arc<Announcer>,
    (args, title): (&WatchArgs, &str),
    exporter: Option<Exporter>,
    work: impl FnOnce() -> T,
) -> T {
    let _closing = Closing(events);
    if let Some(exporter) = exporter {
        events.send_by(exporter);
    }
    if args.watch {
        events.open_view(title);
    }
    work()
}

struct Closing<'a>(&'a Announcer);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}
