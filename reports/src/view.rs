//! The one view model that every renderer reads: numbers already formatted with their units, sentences already written.
//!
//! One file a section. A section that has nothing to show says so and why; it is never blank and never zero.

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
mod method;
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
use serde::Serialize;

use self::block::Section;
pub use self::findings::{EvidenceView, FindingView, FindingsView};
pub use self::key_figures::Figure;
pub use self::verdict::VerdictView;
use crate::flame::Flame;
use crate::format::clean;

/// The report's builder.
#[derive(Debug, Clone, Copy)]
pub struct Report;

/// The sections after the findings, in the order of the page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sections {
    /// Assertions, as judged.
    pub assertions: Section,
    /// Stages of the run.
    pub stages: Section,
    /// Endpoints by phase.
    pub endpoints: Section,
    /// Latency over time and by percentile.
    pub latency: Section,
    /// Tiers and host.
    pub resources: Section,
    /// Caches.
    pub cache: Section,
    /// Database.
    pub database: Section,
    /// Routes alone.
    pub probe: Section,
    /// Flame graphs.
    pub profiles: Section,
    /// The crawl.
    pub smoke: Section,
    /// How it was made.
    pub method: Section,
}

impl Sections {
    /// In the order of the page.
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

/// Everything that a report says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct View {
    /// Name of the run.
    pub run_id: String,
    /// Version of kneepoint.
    pub kneepoint: String,
    /// What was loaded.
    pub target: String,
    /// The verdict bar.
    pub verdict: VerdictView,
    /// Findings, sorted.
    pub findings: FindingsView,
    /// The rest.
    pub sections: Sections,
}

impl Report {
    /// The view of a run: pure; equal inputs give equal views.
    pub fn build(facts: &RunFacts, analysis: &Analysis, summary: &Summary, flames: &[Flame]) -> View {
        let timeline = timeline(facts);
        View {
            run_id: clean(&summary.run_id),
            kneepoint: clean(&summary.kneepoint),
            target: clean(&summary.target),
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
