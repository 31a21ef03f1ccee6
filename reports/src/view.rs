//! The view model that every renderer reads: values already formatted with their units, texts already written.
//!
//! One file per section. A section without data states the reason; it is never blank and never shows zero instead.

pub mod block;

mod assertions;
mod cache;
mod cache_servers;
mod database;
mod database_server;
mod endpoints;
mod findings;
mod gauges;
mod glossary;
mod key_figures;
mod latency;
mod load_groups;
mod load_segments;
pub(crate) mod method;
mod page_loads;
mod probe;
mod profiles;
mod resources;
mod smoke;
mod stages;
mod statements;
pub mod table;
mod verdict;

use kneepoint_analysis::{Analysis, RunFacts, timeline};
use kneepoint_model::summary::Summary;
use kneepoint_model::text::sanitize;
use serde::Serialize;

use self::block::Section;
pub use self::findings::{EvidenceView, FindingView, FindingsView, UnevaluatedRules};
pub use self::key_figures::Figure;
pub use self::verdict::VerdictView;
use crate::flame::Flame;
use crate::format::MAX_TEXT;

/// The sections after the findings, in page order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sections {
    /// Assertions with their results.
    pub assertions: Section,
    /// Pipeline stages of the run.
    pub stages: Section,
    /// Endpoints by phase.
    pub endpoints: Section,
    /// Latency over time and by percentile, with exemplars.
    pub latency: Section,
    /// CPU, memory and I/O by tier and of the host.
    pub resources: Section,
    /// Proxy, application and cache-server statistics.
    pub cache: Section,
    /// Statements, locks and settings of the database.
    pub database: Section,
    /// Each route measured by itself, before load.
    pub probe: Section,
    /// Flame graphs and sampling accuracy.
    pub profiles: Section,
    /// Result of the crawl by page.
    pub smoke: Section,
    /// How the run was made and what was not measured.
    pub method: Section,
}

impl Sections {
    /// All sections in page order.
    pub fn in_order(&self) -> [&Section; 11] {
        [
            &self.assertions,
            &self.stages,
            &self.endpoints,
            &self.latency,
            &self.resources,
            &self.cache,
            &self.database,
            &self.probe,
            &self.profiles,
            &self.smoke,
            &self.method,
        ]
    }
}

/// The content of a run's report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReportView {
    /// Name of the run folder.
    pub run_id: String,
    /// Version of kneepoint that made the run.
    pub kneepoint: String,
    /// URL under test.
    pub target: String,
    /// Header of the report.
    pub verdict: VerdictView,
    /// Findings in the order of the analysis.
    pub findings: FindingsView,
    /// All other sections.
    pub sections: Sections,
}

impl ReportView {
    /// Builds the view; deterministic, reads no file.
    pub fn build(facts: &RunFacts, analysis: &Analysis, summary: &Summary, flames: &[Flame]) -> Self {
        let timeline = timeline(facts);
        Self {
            run_id: sanitize(&summary.run_id, MAX_TEXT),
            kneepoint: sanitize(&summary.kneepoint, MAX_TEXT),
            target: sanitize(&summary.target, MAX_TEXT),
            verdict: verdict::build(facts, analysis, summary),
            findings: findings::build(analysis, summary),
            sections: Sections {
                assertions: assertions::build(summary),
                stages: stages::build(facts, summary),
                endpoints: endpoints::build(facts, summary),
                latency: latency::build(facts, &timeline),
                resources: resources::build(facts, summary, analysis, &timeline),
                cache: cache::build(facts, summary, &timeline),
                database: database::build(facts, summary, &timeline),
                probe: probe::build(facts),
                profiles: profiles::build(facts, flames),
                smoke: smoke::build(facts),
                method: method::build(facts, analysis, summary),
            },
        }
    }
}
