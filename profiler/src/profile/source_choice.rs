//! Chooses the source for each tier: the first available one of its runtime's list.

use kneepoint_model::stack::Runtime;
use kneepoint_model::unmeasured::Unmeasured;

use crate::source::perf::Perf;
use crate::source::pprof_http::PprofHttp;
use crate::source::pyspy::PySpy;
use crate::source::{Probe, ProfileTarget, Source};

/// A source, with notes about the choice for the report.
pub(super) struct ChosenSource {
    pub(super) source: Box<dyn Source>,
    pub(super) notes: Vec<String>,
}

/// Sources that fit a runtime, best first.
fn candidates(runtime: Runtime) -> Vec<Box<dyn Source>> {
    match runtime {
        Runtime::Python => vec![Box::new(PySpy)],
        Runtime::Native => vec![Box::new(Perf)],
        Runtime::FramePointers => vec![Box::new(Perf), Box::new(PprofHttp)],
    }
}

/// Chooses a source for a tier, or reports why none is available.
pub(super) fn choose_source(target: &ProfileTarget) -> Result<ChosenSource, Unmeasured> {
    if target.roots.is_empty() && target.pprof_url.is_none() {
        return Err(unknown_processes_gap(
            format!("profile of the {} tier", target.tier),
            &target.containers,
        ));
    }
    first_available(target, candidates(target.runtime))
}

/// Reason and fix for a tier whose processes are not known.
pub(crate) fn unknown_processes_gap(what: String, containers: &[String]) -> Unmeasured {
    if containers.is_empty() {
        let fix = "give its process id, or the address of its /debug/pprof/profile".to_owned();
        return Unmeasured { what, why: "its processes are not known".to_owned(), fix };
    }
    let containers = containers.join(", ");
    let why = format!("the processes of its containers ({containers}) are not visible from here");
    let fix = "run kneepoint where the containers' processes are visible: on the host of the Docker daemon, outside any container \
               and not beside a virtual machine (Docker Desktop)";
    Unmeasured { what, why, fix: fix.to_owned() }
}

/// Returns the first source that is not denied; pure except for the probes.
fn first_available(
    target: &ProfileTarget,
    sources: Vec<Box<dyn Source>>,
) -> Result<ChosenSource, Unmeasured> {
    let mut refusals: Vec<(String, String)> = Vec::new();
    for source in sources {
        let mut notes: Vec<String> = refusals
            .iter()
            .map(|(why, fix)| format!("Second choice, because {why}; to fix: {fix}."))
            .collect();
        match source.probe(target) {
            Probe::Denied { why, fix } => refusals.push((why, fix)),
            Probe::Ok => return Ok(ChosenSource { source, notes }),
            Probe::Degraded { why, fix } => {
                notes.push(format!("Degraded: {why}; to fix: {fix}."));
                return Ok(ChosenSource { source, notes });
            }
        }
    }
    let fix = refusals.first().map_or_else(String::new, |(_, fix)| fix.clone());
    let why = refusals.into_iter().map(|(why, _)| why).collect::<Vec<_>>().join("; ");
    Err(Unmeasured { what: format!("profile of the {} tier", target.tier), why, fix })
}

#[cfg(test)]
mod tests {
    use kneepoint_model::profile::{FoldedProfile, ProfileSource};

    use super::*;
    use crate::ProfilerError;
    use crate::source::ProfileWindow;

    struct Fake(ProfileSource, Probe);

    impl Source for Fake {
        fn kind(&self) -> ProfileSource {
            self.0
        }
        fn probe(&self, _: &ProfileTarget) -> Probe {
            self.1.clone()
        }
        fn record(&self, _: &ProfileTarget, _: &ProfileWindow) -> Result<Vec<FoldedProfile>, ProfilerError> {
            Ok(Vec::new())
        }
    }

    fn denied(why: &str) -> Probe {
        Probe::Denied { why: why.to_owned(), fix: format!("fix {why}") }
    }

    #[test]
    fn the_second_choice_names_the_reason() {
        let target = ProfileTarget::generator();
        let sources: Vec<Box<dyn Source>> = vec![
            Box::new(Fake(ProfileSource::Perf, denied("a"))),
            Box::new(Fake(ProfileSource::PprofHttp, Probe::Ok)),
        ];
        let chosen = first_available(&target, sources).ok().unwrap();
        assert_eq!(chosen.source.kind(), ProfileSource::PprofHttp);
        assert_eq!(chosen.notes, ["Second choice, because a; to fix: fix a."]);
    }

    #[test]
    fn containers_without_visible_processes_are_named() {
        let gap = unknown_processes_gap("profile of the db tier".to_owned(), &["shop-db-1".to_owned()]);
        assert!(gap.why.contains("shop-db-1") && gap.fix.contains("Docker"), "{gap:?}");
        assert!(unknown_processes_gap(String::new(), &[]).fix.contains("process id"));
    }

    #[test]
    fn no_source_is_unmeasured_with_all_reasons_and_the_best_fix() {
        let sources: Vec<Box<dyn Source>> = vec![
            Box::new(Fake(ProfileSource::Perf, denied("a"))),
            Box::new(Fake(ProfileSource::PprofHttp, denied("b"))),
        ];
        let unmeasured = first_available(&ProfileTarget::generator(), sources).err().unwrap();
        assert_eq!((unmeasured.why.as_str(), unmeasured.fix.as_str()), ("a; b", "fix a"));
        assert_eq!(unmeasured.what, "profile of the generator tier");
    }
}
