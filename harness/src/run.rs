//! A run in progress: its folder, its manifest, and the start and end of each stage.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use kneepoint_analysis::RunFacts;
use kneepoint_model::event::{Event, EventSink};
use kneepoint_model::manifest::{Manifest, StageRecord};
use kneepoint_model::run::{FORMAT_VERSION, RunFolder, names};
use kneepoint_model::stage::{Stage, StageStatus};
use kneepoint_model::unmeasured::Unmeasured;
use kneepoint_profiler::StoreWatch;

use crate::announce::Announcer;
use crate::config::{Plan, Target};
use crate::failure::Failure;
use crate::host;
use crate::signals::Shutdown;

/// Passed to every stage together with its part of the plan.
pub(crate) struct Run {
    /// The folder of this run; each stage adds files to it.
    pub(crate) folder: RunFolder,
    /// The manifest, rewritten at the end of every stage.
    pub(crate) manifest: Manifest,
    /// Receives the events of all stages.
    pub(crate) events: Arc<Announcer>,
    /// Set by SIGINT and SIGTERM.
    pub(crate) shutdown: Shutdown,
    /// Connections to the stack's databases and caches during load.
    pub(crate) stores: Option<StoreWatch>,
}

impl Run {
    /// Creates the folder `<home>/runs/<UTC time>-<short id>` with a first manifest.
    pub(crate) fn create(
        plan: &Plan,
        command: Vec<String>,
        events: Arc<Announcer>,
        shutdown: Shutdown,
    ) -> Result<Self, Failure> {
        let home = &plan.home;
        write_gitignore(home)?;
        let now = jiff::Timestamp::now();
        let id = new_run_id(now);
        let folder = RunFolder::create(&home.join(names::RUNS), &id)?;
        events.record_in(&id, folder.append(names::EVENTS)?);
        let (driver, topology, target) = match &plan.target {
            Target::Reference(stack) => {
                (stack.driver.name(), stack.topology.clone(), "the reference stack".to_owned())
            }
            Target::Site(site) => ("attach", "attach".to_owned(), site.url.to_string()),
        };
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            run_id: id,
            kneepoint: env!("CARGO_PKG_VERSION").to_owned(),
            started: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            command,
            config: serde_json::to_value(plan).map_err(Failure::internal)?,
            seed: plan.seed,
            commit: host::git_commit(Path::new(".")),
            host: host::describe_host(),
            driver: driver.to_owned(),
            topology,
            target,
            versions: std::collections::BTreeMap::new(),
            stages: Vec::new(),
            unmeasured: Vec::new(),
            complete: false,
            stopped_by: None,
        };
        let run = Self { folder, manifest, events, shutdown, stores: None };
        run.save()?;
        Ok(run)
    }

    /// Opens a stored run; the records of the stages that will run again are removed.
    pub(crate) fn reopen(
        folder: RunFolder,
        mut manifest: Manifest,
        events: Arc<Announcer>,
        shutdown: Shutdown,
    ) -> Self {
        manifest.stages.retain(|record| !matches!(record.name, Stage::Analyse | Stage::Gate | Stage::Report));
        Self { folder, manifest, events, shutdown, stores: None }
    }

    /// Runs one stage: announces it, times it and records it in the manifest.
    pub(crate) fn run_stage<T>(
        &mut self,
        stage: Stage,
        work: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.events.emit(Event::StageStarted { stage });
        let (began, missing) = (Instant::now(), self.manifest.unmeasured.len());
        let result = work(self);
        let status = match &result {
            Ok(_) if self.manifest.unmeasured.len() > missing => StageStatus::Degraded,
            Ok(_) => StageStatus::Done,
            Err(failure) if failure.is_interruption() => StageStatus::Interrupted,
            Err(_) => StageStatus::Failed,
        };
        self.record_stage(stage, status, began.elapsed().as_secs_f64())?;
        result
    }

    /// Records a stage that was not selected or not started; a note before it tells why.
    pub(crate) fn skip_stage(&mut self, stage: Stage) -> Result<(), Failure> {
        self.record_stage(stage, StageStatus::Skipped, 0.0)
    }

    fn record_stage(&mut self, stage: Stage, status: StageStatus, seconds: f64) -> Result<(), Failure> {
        let seconds = (seconds * 1000.0).round() / 1000.0;
        self.events.emit(Event::StageEnded { stage, status, seconds });
        self.manifest.stages.push(StageRecord { name: stage, status, seconds });
        self.save()
    }

    /// Adds to the manifest what could not be measured, each item once.
    pub(crate) fn add_unmeasured(&mut self, items: impl IntoIterator<Item = Unmeasured>) {
        for item in items {
            if !self.manifest.unmeasured.contains(&item) {
                self.manifest.unmeasured.push(item);
            }
        }
    }

    /// Emits a note.
    pub(crate) fn note(&self, stage: Stage, message: impl AsRef<str>) {
        self.events.note(stage, message.as_ref());
    }

    /// The event sink, for crates that pass it to their threads.
    pub(crate) fn sink(&self) -> Arc<dyn EventSink> {
        let sink: Arc<Announcer> = Arc::clone(&self.events);
        sink
    }

    /// Reads the facts that the analysis works on.
    pub(crate) fn load_facts(&self) -> Result<RunFacts, Failure> {
        RunFacts::load(&self.folder).map_err(Failure::internal)
    }

    /// Rewrites the manifest.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        self.folder.write_json(names::MANIFEST, &self.manifest)?;
        Ok(())
    }
}

/// The name of a run that starts now: its UTC time, and the fraction of the second in 65,536ths. Names sort by time, also
/// within a second.
pub(crate) fn new_run_id(now: jiff::Timestamp) -> String {
    let fraction = now.as_nanosecond().rem_euclid(1_000_000_000) * 65_536 / 1_000_000_000;
    format!("{}-{fraction:04x}", now.strftime("%Y%m%dT%H%M%SZ"))
}

/// Keeps `.kneepoint` out of version control.
pub(crate) fn write_gitignore(home: &Path) -> Result<(), Failure> {
    let ignore = home.join(".gitignore");
    if !ignore.exists() {
        std::fs::create_dir_all(home)
            .and_then(|()| std::fs::write(&ignore, "*\n"))
            .map_err(|e| Failure::internal(format!("cannot write {}: {e}", ignore.display())))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_time_within_a_second_too() {
        let at = |ms| new_run_id(jiff::Timestamp::from_millisecond(ms).expect("a moment"));
        assert_eq!([at(1_000), at(1_500), at(1_999)].map(|id| id[17..].to_owned()), ["0000", "8000", "ffbe"]);
        assert!(at(1_000) < at(1_001) && at(1_999) < at(2_000));
    }
}
