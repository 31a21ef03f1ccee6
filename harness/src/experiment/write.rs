//! The book of an experiment: `experiment.json` after every toggle, the table for people at the end.

use std::collections::BTreeMap;

use kneepoint_model::exit::ExitCode;
use kneepoint_model::experiment::{ExperimentFile, LostUpdateTable, RolloutResult, ToggleResult};
use kneepoint_model::run::{FORMAT_VERSION, RunFolder, names};
use kneepoint_reports::ExperimentReport;

use crate::failure::Failure;

/// What has been found so far, and what exit code belongs to what could not be run.
pub(crate) struct Book {
    file: ExperimentFile,
    folder: RunFolder,
    missed: Vec<ExitCode>,
}

impl Book {
    /// An empty book.
    pub(crate) fn begin(file: ExperimentFile, folder: RunFolder) -> Result<Self, Failure> {
        let book = Self { file, folder, missed: Vec::new() };
        book.save()?;
        Ok(book)
    }

    /// Notes versions of what stood.
    pub(super) fn versions(&mut self, versions: &BTreeMap<String, String>) {
        self.file.versions.extend(versions.clone());
    }

    /// Notes with which exit code something could not be run.
    pub(super) fn missed(&mut self, exit: ExitCode) {
        self.missed.push(exit);
    }

    /// Adds a result, and writes.
    pub(super) fn add(&mut self, result: ToggleResult) -> Result<(), Failure> {
        self.file.toggles.push(result);
        self.save()
    }

    /// Keeps the table of isolation levels and ways of buying.
    pub(super) fn lost_update(&mut self, table: LostUpdateTable) {
        self.file.lost_update = Some(table);
    }

    /// Keeps what visitors noticed of manoeuvres.
    pub(super) fn manoeuvres(&mut self, results: Vec<RolloutResult>) {
        self.file.rollouts.extend(results);
    }

    /// What is in it.
    pub(crate) fn file(&self) -> &ExperimentFile {
        &self.file
    }

    /// The exit codes of what could not be run.
    pub(crate) fn missing(&self) -> &[ExitCode] {
        &self.missed
    }

    /// Closes the book: whole or cut short, the pages for people are written from what is in it.
    pub(crate) fn close(&mut self, complete: bool) -> Result<ExperimentReport, Failure> {
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
