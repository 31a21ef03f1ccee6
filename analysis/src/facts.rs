//! The facts of a run: the contents of its folder, read once. The only input of this crate, and its only I/O.
//!
//! The folder of a run that was interrupted at any moment is readable: missing files are `None`, and damaged files are
//! listed in `unread`. Only a missing manifest and files of a later kneepoint are refused.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use kneepoint_model::correctness::StockAudit;
use kneepoint_model::db::DbWindow;
use kneepoint_model::ladder::is_trial;
use kneepoint_model::load::LoadPhase;
use kneepoint_model::manifest::Manifest;
use kneepoint_model::probe::ProbeResult;
use kneepoint_model::profile::ProfilesIndex;
use kneepoint_model::proxy::AccessSummary;
use kneepoint_model::run::{RunError, RunFolder, names};
use kneepoint_model::sample::ResourceSample;
use kneepoint_model::site::SiteMap;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::warm::WarmResult;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// The phase with a fixed number of users.
pub const CLOSED: &str = "closed";
/// The phase with a fixed rate of arrivals.
pub const OPEN: &str = "open";
/// The phase in which profiles are taken: never a source of latency figures.
pub const PROFILED: &str = "profiled";

/// Maximum number of phases that are read from one folder.
const MAX_PHASES: usize = 64;

/// Why the facts could not be read.
#[derive(Debug, Error)]
pub enum FactsError {
    /// The manifest is missing or damaged, or a file has a later format.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The folder of phases cannot be listed.
    #[error("cannot list {path}: {source}; check the folder's permissions")]
    List {
        /// The folder of the phases.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
}

/// The contents of a run folder; `None` or empty for stages that did not run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunFacts {
    /// Provenance, configuration and stages of the run.
    pub manifest: Manifest,
    /// The stack; `None` when it did not start.
    pub stack: Option<StackInfo>,
    /// Pages found by the crawl.
    pub site: Option<SiteMap>,
    /// Rounds of the warm stage.
    pub warm: Option<WarmResult>,
    /// Each route measured by itself.
    pub probe: Option<ProbeResult>,
    /// Phases of load: closed, open, profiled, then others by name.
    pub phases: Vec<LoadPhase>,
    /// The proxy's access log by phase.
    pub access: BTreeMap<String, AccessSummary>,
    /// Resource samples, in order of time.
    pub samples: Vec<ResourceSample>,
    /// Number of unreadable lines in the file of samples.
    pub unreadable_samples: u64,
    /// Counters of databases and caches, by phase.
    pub db: BTreeMap<String, DbWindow>,
    /// Stock consistency check before and after load.
    pub correctness: Option<StockAudit>,
    /// Index of the profiles.
    pub profiles: Option<ProfilesIndex>,
    /// Damaged files, each with the reason.
    pub unread: Vec<String>,
}

impl RunFacts {
    /// The facts of a run that has only a manifest.
    pub fn new(manifest: Manifest) -> Self {
        Self {
            manifest,
            stack: None,
            site: None,
            warm: None,
            probe: None,
            phases: Vec::new(),
            access: BTreeMap::new(),
            samples: Vec::new(),
            unreadable_samples: 0,
            db: BTreeMap::new(),
            correctness: None,
            profiles: None,
            unread: Vec::new(),
        }
    }

    /// Reads a run folder.
    pub fn load(folder: &RunFolder) -> Result<Self, FactsError> {
        let mut facts = Self::new(folder.read_json(names::MANIFEST)?);
        let unread = &mut facts.unread;
        facts.stack = read_optional(folder, names::STACK, unread)?;
        facts.site = read_optional(folder, names::SITE, unread)?;
        facts.warm = read_optional(folder, names::WARM, unread)?;
        facts.probe = read_optional(folder, names::PROBE, unread)?;
        facts.correctness = read_optional(folder, names::CORRECTNESS, unread)?;
        facts.profiles = read_optional(folder, names::PROFILES_INDEX, unread)?;
        for name in phase_names(folder)? {
            if let Some(phase) = read_optional(folder, &names::load(&name), unread)? {
                facts.phases.push(phase);
            }
            if let Some(access) = read_optional(folder, &names::access(&name), unread)? {
                facts.access.insert(name.clone(), access);
            }
            if let Some(window) = read_optional(folder, &names::db(&name), unread)? {
                facts.db.insert(name, window);
            }
        }
        let (mut samples, garbage) = folder.read_lines::<ResourceSample>(names::RESOURCES)?;
        samples.sort_by_key(|sample| sample.at_ms);
        facts.samples = samples;
        facts.unreadable_samples = garbage;
        Ok(facts)
    }

    /// The phase with this name.
    pub fn phase(&self, name: &str) -> Option<&LoadPhase> {
        self.phases.iter().find(|phase| phase.name == name)
    }

    /// Counters of databases and caches over the measured phases, in the order of the phases.
    pub fn database_windows(&self) -> impl Iterator<Item = &DbWindow> {
        self.measured_phases().filter_map(|phase| self.db.get(&phase.name))
    }

    /// The phases whose latency describes the site: all except the profiled one and the trials of a rate search, which
    /// overload the site on purpose.
    pub fn measured_phases(&self) -> impl Iterator<Item = &LoadPhase> {
        self.phases.iter().filter(|phase| phase.name != PROFILED && !is_trial(&phase.name))
    }
}

fn read_optional<T: DeserializeOwned>(
    folder: &RunFolder,
    name: &str,
    unread: &mut Vec<String>,
) -> Result<Option<T>, FactsError> {
    match folder.read_json_if_exists(name) {
        Ok(value) => Ok(value),
        Err(RunError::Damaged { source, .. }) => {
            unread.push(format!("{name}: {source}"));
            Ok(None)
        }
        Err(other) => Err(other.into()),
    }
}

fn phase_names(folder: &RunFolder) -> Result<Vec<String>, FactsError> {
    let path = folder.path(names::LOAD);
    let entries = match std::fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(FactsError::List { path, source }),
    };
    let mut found: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|file| file.strip_suffix(".json").map(str::to_owned))
        .filter(|stem| !stem.is_empty() && stem.strip_suffix(".plan").is_none())
        .collect();
    found.sort_by_key(|name| (phase_rank(name), name.clone()));
    found.truncate(MAX_PHASES);
    Ok(found)
}

/// Sort key of a phase: closed, open, profiled, then the others.
pub(crate) fn phase_rank(name: &str) -> u8 {
    match name {
        CLOSED => 0,
        OPEN => 1,
        PROFILED => 2,
        _ => 3,
    }
}
