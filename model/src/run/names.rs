//! Names of all files and folders that kneepoint writes, relative to their run, ladder or experiment folder. ARCHITECTURE.md
//! describes each; a test compares both.

/// Folder of all run folders, in the `.kneepoint` folder.
pub const RUNS: &str = "runs";
/// Folder of all ladder folders, in the `.kneepoint` folder.
pub const LADDERS: &str = "ladders";
/// Folder of all experiment folders, in the `.kneepoint` folder.
pub const EXPERIMENTS: &str = "experiments";

/// Settings and environment of the run.
pub const MANIFEST: &str = "manifest.json";
/// All events, one a line.
pub const EVENTS: &str = "events.jsonl";
/// The stack as it runs.
pub const STACK: &str = "stack.json";
/// The result of the crawl, page by page.
pub const SITE: &str = "site.json";
/// The rounds of the warm-up.
pub const WARM: &str = "warm.json";
/// Each route measured by itself.
pub const PROBE: &str = "probe.json";
/// The stock consistency check.
pub const CORRECTNESS: &str = "correctness.json";
/// The results of all rules and summaries.
pub const ANALYSIS: &str = "analysis.json";
/// The assertions with their results.
pub const GATE: &str = "gate.json";
/// The public contract; see [`crate::summary`].
pub const SUMMARY: &str = "summary.json";
/// The report for people.
pub const REPORT_HTML: &str = "report.html";
/// The report for pull requests.
pub const REPORT_MD: &str = "report.md";
/// The report for CI systems.
pub const JUNIT: &str = "junit.xml";
/// Load phases as OpenMetrics text.
pub const OPENMETRICS: &str = "metrics.txt";

/// Folder of load phases.
pub const LOAD: &str = "load";
/// Load phases, second by second.
pub const SECONDS_CSV: &str = "load/seconds.csv";
/// Load phases by endpoint.
pub const ENDPOINTS_CSV: &str = "load/endpoints.csv";
/// Folder of resource samples and access logs.
pub const SAMPLES: &str = "samples";
/// Resources of host and tiers, tick by tick.
pub const RESOURCES: &str = "samples/resources.jsonl";
/// Folder of the counters of databases and caches.
pub const DB: &str = "db";
/// Folder of profiles.
pub const PROFILES: &str = "profiles";
/// The index of all profiles.
pub const PROFILES_INDEX: &str = "profiles/profiles.json";
/// Folder of the stack's logs.
pub const LOGS: &str = "logs";
/// The proxy's access log, one JSON object a line.
pub const ACCESS_LOG: &str = "logs/nginx-access.jsonl";
/// Statements that the application's probe records, one JSON object a line.
pub const STATEMENTS: &str = "logs/statements.jsonl";

/// The experiments and their verdicts.
pub const EXPERIMENT: &str = "experiment.json";
/// The report on experiments for people.
pub const EXPERIMENT_HTML: &str = "experiment.html";
/// The report on experiments for pull requests.
pub const EXPERIMENT_MD: &str = "experiment.md";

/// The settings of a ladder run and the run folder of each rung.
pub const LADDER: &str = "ladder.json";
/// The comparison of the rungs.
pub const COMPARISON: &str = "comparison.json";
/// The report on a ladder run for people.
pub const LADDER_HTML: &str = "ladder.html";
/// The report on a ladder run for pull requests.
pub const LADDER_MD: &str = "ladder.md";

/// The result of a phase.
pub fn load(phase: &str) -> String {
    format!("{LOAD}/{phase}.json")
}
/// Plan and times of a phase, written before its first request.
pub fn load_plan(phase: &str) -> String {
    format!("{LOAD}/{phase}.plan.json")
}
/// The HdrHistogram interval log of a phase.
pub fn hlog(phase: &str) -> String {
    format!("{LOAD}/{phase}.hlog")
}
/// A phase second by second, written while it runs.
pub fn seconds(phase: &str) -> String {
    format!("{LOAD}/{phase}.seconds.jsonl")
}
/// Counts of a phase by endpoint and second, written while it runs; read only to recover an interrupted phase.
pub fn tallies(phase: &str) -> String {
    format!("{LOAD}/{phase}.tallies.jsonl")
}
/// The access log of a phase, summed by route.
pub fn access(phase: &str) -> String {
    format!("{SAMPLES}/access-{phase}.json")
}
/// The counters of databases and caches over a phase.
pub fn db(phase: &str) -> String {
    format!("{DB}/{phase}.json")
}
/// A profile as folded stacks; `stem` is [`crate::profile::ProfileEntry::file`].
pub fn folded(stem: &str) -> String {
    format!("{PROFILES}/{stem}.folded")
}
/// A profile as a flame graph.
pub fn flame_graph(stem: &str) -> String {
    format!("{PROFILES}/{stem}.svg")
}
/// A profile in the format of pprof.
pub fn pprof(stem: &str) -> String {
    format!("{PROFILES}/{stem}.pb.gz")
}
/// A profile in the format of speedscope.
pub fn speedscope(stem: &str) -> String {
    format!("{PROFILES}/{stem}.speedscope.json")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SOURCE: &str = include_str!("names.rs");
    const ARCHITECTURE: &str = include_str!("../../../ARCHITECTURE.md");

    fn constants() -> BTreeSet<&'static str> {
        let values = SOURCE.lines().filter_map(|line| {
            line.strip_prefix("pub const ")?.split_once(": &str = \"")?.1.strip_suffix("\";")
        });
        values.collect()
    }

    #[test]
    fn every_name_is_described_in_the_architecture() {
        let of_phase = [load, load_plan, hlog, seconds, tallies, access, db].map(|name| name("<phase>"));
        let of_profile = [folded, flame_graph, pprof, speedscope].map(|name| name("<profile>"));
        let functions: Vec<String> = of_phase.into_iter().chain(of_profile).collect();
        assert_eq!(
            functions.len(),
            SOURCE.matches("\npub fn ").count(),
            "each function is in the lists above"
        );
        assert_eq!(constants().len(), SOURCE.matches("\npub const ").count(), "no name stands twice");
        for name in constants().into_iter().map(str::to_owned).chain(functions) {
            let shown = if name.contains('.') { format!("`{name}`") } else { format!("{name}/") };
            assert!(ARCHITECTURE.contains(&shown), "{shown} is not in ARCHITECTURE.md, \"The run folder\"");
        }
    }
}
