//! The content of a run folder as model types.

use std::collections::BTreeMap;

use kneepoint_model::correctness::StockAudit;
use kneepoint_model::db::DbWindow;
use kneepoint_model::load::LoadPhase;
use kneepoint_model::manifest::Manifest;
use kneepoint_model::probe::ProbeResult;
use kneepoint_model::profile::ProfilesIndex;
use kneepoint_model::proxy::AccessSummary;
use kneepoint_model::sample::ResourceSample;
use kneepoint_model::site::SiteMap;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::warm::WarmResult;

/// The content of a run folder; the fields have the names of those of `kneepoint_analysis::RunFacts`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at kneepoint_analysis::RunFacts")]
pub struct RunParts {
    pub manifest: Manifest,
    pub stack: Option<StackInfo>,
    pub site: Option<SiteMap>,
    pub warm: Option<WarmResult>,
    pub probe: Option<ProbeResult>,
    pub phases: Vec<LoadPhase>,
    pub access: BTreeMap<String, AccessSummary>,
    pub samples: Vec<ResourceSample>,
    pub db: BTreeMap<String, DbWindow>,
    pub correctness: Option<StockAudit>,
    pub profiles: Option<ProfilesIndex>,
}

impl RunParts {
    /// A run folder that contains only a manifest.
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
            db: BTreeMap::new(),
            correctness: None,
            profiles: None,
        }
    }
}

/// Turns [`RunParts`] into the `RunFacts` of the calling crate. A macro, because this crate cannot name that type.
#[macro_export]
macro_rules! run_facts {
    ($facts:ty, $parts:expr) => {{
        let parts: $crate::RunParts = $parts;
        let mut facts = <$facts>::new(parts.manifest);
        facts.stack = parts.stack;
        facts.site = parts.site;
        facts.warm = parts.warm;
        facts.probe = parts.probe;
        facts.phases = parts.phases;
        facts.access = parts.access;
        facts.samples = parts.samples;
        facts.db = parts.db;
        facts.correctness = parts.correctness;
        facts.profiles = parts.profiles;
        facts
    }};
}
