//! The results of an experiment: `experiment.json` after every toggle, the report at the end.

use std::collections::BTreeMap;

use kneepoint_model::exit::ExitCode;
use kneepoint_model::experiment::{ExperimentFile, LostUpdateTable, RolloutResult, ToggleResult};
use kneepoint_model::run::{FORMAT_VERSION, RunFolder, names};
use kneepoint_reports::ExperimentReport;

use crate::failure::Failure;

/// Results so far, and the exit codes of toggles that could not be run.
pub(crate) struct ExperimentJournal {
    file: ExperimentFile,
    folder: RunFolder,
    not_run: Vec<ExitCode>,
}

impl ExperimentJournal {
    /// Creates the folder with an `experiment.json` that has no results yet.
    pub(crate) fn create(file: ExperimentFile, folder: RunFolder) -> Result<Self, Failure> {
        let journal = Self { file, folder, not_run: Vec::new() };
        journal.save()?;
        Ok(journal)
    }

    /// Adds versions of programs that a stack used.
    pub(super) fn add_versions(&mut self, versions: &BTreeMap<String, String>) {
        self.file.versions.extend(versions.clone());
    }

    /// Records the exit code of a toggle that could not be run.
    pub(super) fn record_not_run(&mut self, exit: ExitCode) {
        self.not_run.push(exit);
    }

    /// Appends a result and rewrites the file.
    pub(super) fn add(&mut self, result: ToggleResult) -> Result<(), Failure> {
        self.file.toggles.push(result);
        self.save()
    }

    /// Stores the table of the lost-update test.
    pub(super) fn set_lost_update(&mut self, table: LostUpdateTable) {
        self.file.lost_update = Some(table);
    }

    /// Stores the results of rollouts under load.
    pub(super) fn add_rollouts(&mut self, results: Vec<RolloutResult>) {
        self.file.rollouts.extend(results);
    }

    pub(crate) fn file(&self) -> &ExperimentFile {
        &self.file
    }

    /// Exit codes of the toggles that could not be run.
    pub(crate) fn not_run(&self) -> &[ExitCode] {
        &self.not_run
    }

    /// Writes the report, complete or partial.
    pub(crate) fn finish(&mut self, complete: bool) -> Result<ExperimentReport, Failure> {
        self.file.complete = complete;
        self.save()?;
        let report = ExperimentReport::build(&self.file);
        let html = report.html().map_err(Failure::internal)?;
        self.folder.write(names::EXPERIMENT_HTML, html.as_bytes())?;
        self.folder.write(names::EXPERIMENT_MD, report.markdown().as_bytes())?;
        Ok(report)
    }

    fn save(&self) -> Result<(), Failure> {
        debug_assert_eq!(self.file.format_version, FORMAT_VERSION);
        self.folder.write_json(names::EXPERIMENT, &self.file)?;
        Ok(())
    }
}
