//! What every experiment is given.

use std::path::Path;
use std::sync::Arc;

use kneepoint_model::event::EventSink as _;
use kneepoint_model::run::RunFolder;
use kneepoint_model::stage::Stage;

use crate::announce::Announcer;
use crate::config::{ExperimentPart, StackPart};
use crate::signals::Shutdown;

/// Settings, folders and sinks that the experiments of one command share.
pub(crate) struct ExperimentContext<'a> {
    /// Pairs, block length and data size.
    pub(crate) part: &'a ExperimentPart,
    /// How stacks are built: driver, size and seed of the data.
    pub(crate) stack: &'a StackPart,
    /// The `.kneepoint` folder.
    pub(crate) home: &'a Path,
    /// The folder of this experiment.
    pub(crate) folder: &'a RunFolder,
    /// Checked between blocks: cancellation ends the experiment.
    pub(crate) shutdown: &'a Shutdown,
    /// Receives progress and results.
    pub(crate) events: &'a Arc<Announcer>,
}

impl ExperimentContext<'_> {
    /// Emits progress: `done` of `total` pairs, launches or cells.
    pub(crate) fn progress(&self, done: u32, total: u32, message: &str) {
        self.events.progress(Stage::Load, u64::from(done), Some(u64::from(total)), message);
    }
}
