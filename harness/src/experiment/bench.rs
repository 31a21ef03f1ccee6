//! What every experiment is given: the plan's part, the wish to stop, and where to announce.

use std::path::Path;
use std::sync::Arc;

use kneepoint_model::event::EventSink as _;
use kneepoint_model::run::RunFolder;
use kneepoint_model::stage::Stage;

use crate::announce::Announcer;
use crate::config::{ExperimentPart, StackPart};
use crate::signals::Stop;

/// The bench on which experiments are made.
pub(crate) struct Bench<'a> {
    /// How pairs are measured.
    pub(crate) part: &'a ExperimentPart,
    /// How stacks are built: driver, size and seed of the data.
    pub(crate) stack: &'a StackPart,
    /// The `.kneepoint` folder.
    pub(crate) home: &'a Path,
    /// The folder of this experiment.
    pub(crate) folder: &'a RunFolder,
    /// The wish to stop.
    pub(crate) stop: &'a Stop,
    /// Where announcements go.
    pub(crate) events: &'a Arc<Announcer>,
}

impl Bench<'_> {
    /// Announces how far an experiment has come.
    pub(crate) fn progress(&self, done: u32, total: u32, message: &str) {
        self.events.progress(Stage::Load, u64::from(done), Some(u64::from(total)), message);
    }
}
