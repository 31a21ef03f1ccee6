//! Builds `summary.json`, the public contract: facts, analysis, verdict and assertion results.

use kneepoint_model::summary::{AssertionSummary, SCHEMA_VERSION, Summary};
use kneepoint_model::verdict::Verdict;

use crate::facts::RunFacts;
use crate::types::Analysis;

/// Builds the summary of a run.
pub fn summarise(
    facts: &RunFacts,
    analysis: &Analysis,
    verdict: &Verdict,
    assertions: &[AssertionSummary],
) -> Summary {
    let manifest = &facts.manifest;
    Summary {
        schema_version: SCHEMA_VERSION,
        run_id: manifest.run_id.clone(),
        started: manifest.started.clone(),
        kneepoint: manifest.kneepoint.clone(),
        verdict: verdict.clone(),
        topology: manifest.topology.clone(),
        target: manifest.target.clone(),
        stages: manifest.stages.clone(),
        smoke: analysis.smoke,
        load: analysis.load.clone(),
        endpoints: analysis.endpoints.clone(),
        tiers: analysis.tiers.clone(),
        cache: analysis.cache.clone(),
        db: analysis.db.clone(),
        profiles: analysis.profiles.clone(),
        findings: analysis.findings.clone(),
        assertions: assertions.to_vec(),
        unmeasured: manifest.unmeasured.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{analyse, base_verdict, fixtures};

    #[test]
    fn the_summary_contains_the_analysis() {
        let facts = fixtures::healthy();
        let analysis = analyse(&facts);
        let summary = summarise(&facts, &analysis, &base_verdict(&facts, &analysis), &[]);
        assert_eq!((summary.load.len(), summary.endpoints.len()), (3, 6));
        let text = serde_json::to_value(&summary).expect("writes");
        assert_eq!(text["load"][0]["phase"], "closed");
        assert_eq!(text["verdict"]["exit_code"], 0);
    }
}
