//! A run in progress: its folder, its manifest, and the one way a stage is begun and ended.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

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
use crate::signals::Stop;

/// What every stage is given beside its own part of the plan.
pub(crate) struct Run {
    /// The run folder.
    pub(crate) folder: RunFolder,
    /// The manifest, rewritten at the end of every stage.
    pub(crate) manifest: Manifest,
    /// Where announcements go.
    pub(crate) events: Arc<Announcer>,
    /// The wish to stop.
    pub(crate) stop: Stop,
    /// The stack's databases and caches, while they are watched.
    pub(crate) stores: Option<StoreWatch>,
}

impl Run {
    /// Makes the folder `<home>/runs/<UTC time>-<short id>` and its first manifest.
    pub(crate) fn create(
        plan: &Plan,
        command: Vec<String>,
        events: Arc<Announcer>,
        stop: Stop,
    ) -> Result<Self, Failure> {
        let home = &plan.home;
        ignore_itself(home)?;
        let now = jiff::Timestamp::now();
        let id = id(now);
        let folder = RunFolder::create(&home.join("runs"), &id)?;
        events.keep_in(&id, folder.append(names::EVENTS)?);
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
            commit: host::commit(Path::new(".")),
            host: host::describe(),
            driver: driver.to_owned(),
            topology,
            target,
            versions: std::collections::BTreeMap::new(),
            stages: Vec::new(),
            unmeasured: Vec::new(),
            complete: false,
            stopped_by: None,
        };
        let run = Self { folder, manifest, events, stop, stores: None };
        run.save()?;
        Ok(run)
    }

    /// A run that was there before: the stages that will be said again lose their old records.
    pub(crate) fn reopen(
        folder: RunFolder,
        mut manifest: Manifest,
        events: Arc<Announcer>,
        stop: Stop,
    ) -> Self {
        manifest.stages.retain(|record| !matches!(record.name, Stage::Analyse | Stage::Gate | Stage::Report));
        Self { folder, manifest, events, stop, stores: None }
    }

    /// Runs one stage: announces it, times it, keeps its record.
    pub(crate) fn stage<T>(
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
        self.record(stage, status, began.elapsed().as_secs_f64())?;
        result
    }

    /// Keeps a record that a stage was not asked for, or not begun; a note before it says why.
    pub(crate) fn skip(&mut self, stage: Stage) -> Result<(), Failure> {
        self.record(stage, StageStatus::Skipped, 0.0)
    }

    fn record(&mut self, stage: Stage, status: StageStatus, seconds: f64) -> Result<(), Failure> {
        let seconds = (seconds * 1000.0).round() / 1000.0;
        self.events.emit(Event::StageEnded { stage, status, seconds });
        self.manifest.stages.push(StageRecord { name: stage, status, seconds });
        self.save()
    }

    /// Adds what could not be measured, once.
    pub(crate) fn unmeasured(&mut self, items: impl IntoIterator<Item = Unmeasured>) {
        for item in items {
            if !self.manifest.unmeasured.contains(&item) {
                self.manifest.unmeasured.push(item);
            }
        }
    }

    /// A note for the console and the journal.
    pub(crate) fn note(&self, stage: Stage, message: impl AsRef<str>) {
        self.events.note(stage, message.as_ref());
    }

    /// The sink, for crates that keep it in their threads.
    pub(crate) fn sink(&self) -> Arc<dyn EventSink> {
        let sink: Arc<Announcer> = Arc::clone(&self.events);
        sink
    }

    /// Writes the manifest.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        self.folder.write_json(names::MANIFEST, &self.manifest)?;
        Ok(())
    }
}

/// A name for what began now: its UTC time, and the part of its second in 65,536ths. In the order of names the latest is last,
/// also of those that began in the same second.
pub(crate) fn id(now: jiff::Timestamp) -> String {
    let part = now.as_nanosecond().rem_euclid(1_000_000_000) * 65_536 / 1_000_000_000;
    format!("{}-{part:04x}", now.strftime("%Y%m%dT%H%M%SZ"))
}

/// `.kneepoint` keeps itself out of version control.
pub(crate) fn ignore_itself(home: &Path) -> Result<(), Failure> {
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
        let at = |ms| id(jiff::Timestamp::from_millisecond(ms).expect("a moment"));
        assert_eq!([at(1_000), at(1_500), at(1_999)].map(|id| id[17..].to_owned()), ["0000", "8000", "ffbe"]);
        assert!(at(1_000) < at(1_001) && at(1_999) < at(2_000));
    }
}
