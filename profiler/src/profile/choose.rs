//! Which source looks at which tier: the first of its runtime's list that can.

use kneepoint_model::stack::Runtime;
use kneepoint_model::unmeasured::Unmeasured;

use crate::source::perf::Perf;
use crate::source::pprof_http::PprofHttp;
use crate::source::pyspy::PySpy;
use crate::source::{Probe, Source, Target};

/// A source, and what a reader must know about the choice.
pub(super) struct Chosen {
    pub(super) source: Box<dyn Source>,
    pub(super) notes: Vec<String>,
}

/// The sources that fit a runtime, best first.
fn candidates(runtime: Runtime) -> Vec<Box<dyn Source>> {
    match runtime {
        Runtime::Python => vec![Box::new(PySpy)],
        Runtime::Native => vec![Box::new(Perf)],
        Runtime::FramePointers => vec![Box::new(Perf), Box::new(PprofHttp)],
    }
}

/// Chooses for a tier, or says why nothing can look at it.
pub(super) fn choose(target: &Target) -> Result<Chosen, Unmeasured> {
    if target.roots.is_empty() && target.pprof_url.is_none() {
        return Err(unknown_processes(format!("profile of the {} tier", target.tier), &target.containers));
    }
    first_able(target, candidates(target.runtime))
}

/// Why nothing can look at a tier without processes.
pub(crate) fn unknown_processes(what: String, containers: &[String]) -> Unmeasured {
    if containers.is_empty() {
        let fix = "give its process id, or the address of its /debug/pprof/profile".to_owned();
        return Unmeasured { what, why: "its processes are not known".to_owned(), fix };
    }
    let containers = containers.join(", ");
    let why = format!("the processes of its containers ({containers}) cannot be seen from here");
    let fix = "run kneepoint where the containers' processes are: on the host of the Docker daemon, outside of any container \
               and not beside a virtual machine (Docker Desktop)";
    Unmeasured { what, why, fix: fix.to_owned() }
}

/// Pure but for the probes: the first source that is not denied.
fn first_able(target: &Target, sources: Vec<Box<dyn Source>>) -> Result<Chosen, Unmeasured> {
    let mut refusals: Vec<(String, String)> = Vec::new();
    for source in sources {
        let mut notes: Vec<String> =
            refusals.iter().map(|(why, fix)| format!("Second choice, because {why}; {fix}.")).collect();
        match source.probe(target) {
            Probe::Denied { why, fix } => refusals.push((why, fix)),
            Probe::Ok => return Ok(Chosen { source, notes }),
            Probe::Degraded { why, fix } => {
                notes.push(format!("Degraded: {why}; {fix}."));
                return Ok(Chosen { source, notes });
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
    use crate::source::Window;

    struct Fake(ProfileSource, Probe);

    impl Source for Fake {
        fn kind(&self) -> ProfileSource {
            self.0
        }
        fn probe(&self, _: &Target) -> Probe {
            self.1.clone()
        }
        fn record(&self, _: &Target, _: &Window) -> Result<Vec<FoldedProfile>, ProfilerError> {
            Ok(Vec::new())
        }
    }

    fn denied(why: &str) -> Probe {
        Probe::Denied { why: why.to_owned(), fix: format!("mend {why}") }
    }

    #[test]
    fn the_second_choice_says_why_it_is_the_second() {
        let target = Target::generator();
        let sources: Vec<Box<dyn Source>> = vec![
            Box::new(Fake(ProfileSource::Perf, denied("a"))),
            Box::new(Fake(ProfileSource::PprofHttp, Probe::Ok)),
        ];
        let chosen = first_able(&target, sources).ok().unwrap();
        assert_eq!(chosen.source.kind(), ProfileSource::PprofHttp);
        assert_eq!(chosen.notes, ["Second choice, because a; mend a."]);
    }

    #[test]
    fn containers_that_cannot_be_seen_into_are_named() {
        let gap = unknown_processes("profile of the db tier".to_owned(), &["shop-db-1".to_owned()]);
        assert!(gap.why.contains("shop-db-1") && gap.fix.contains("Docker"), "{gap:?}");
        assert!(unknown_processes(String::new(), &[]).fix.contains("process id"));
    }

    #[test]
    fn no_source_is_unmeasured_with_all_reasons_and_the_best_remedy() {
        let sources: Vec<Box<dyn Source>> = vec![
            Box::new(Fake(ProfileSource::Perf, denied("a"))),
            Box::new(Fake(ProfileSource::PprofHttp, denied("b"))),
        ];
        let unmeasured = first_able(&Target::generator(), sources).err().unwrap();
        assert_eq!((unmeasured.why.as_str(), unmeasured.fix.as_str()), ("a; b", "mend a"));
        assert_eq!(unmeasured.what, "profile of the generator tier");
    }
}
