//! A tier that profiles itself: `GET /debug/pprof/profile?seconds=N&hz=H`, the convention of Go that the engine
//! follows.
//!
//! An engine that walks frame pointers in a signal handler loses the innermost function of each stack, so the probe
//! reports Degraded; the caller compares its samples with the CPU time that the kernel counted.

use std::time::{Duration, Instant};

use kneepoint_model::profile::{FoldedProfile, ProfileFacts, ProfileSource, ProfileView};
use kneepoint_model::text::collapsed_line;

use super::{Probe, ProfileTarget, ProfileWindow, Source};
use crate::export::pprof;
use crate::{ProfilerError, http};

/// Time for symbol lookup after the window, on a busy machine.
const SYMBOLIZE_TIMEOUT: Duration = Duration::from_secs(20);
const MAX_BODY: u64 = 64 << 20;

/// Profiler that reads a tier's pprof endpoint.
#[derive(Debug, Clone, Copy)]
pub struct PprofHttp;

impl Source for PprofHttp {
    fn kind(&self) -> ProfileSource {
        ProfileSource::PprofHttp
    }

    fn probe(&self, target: &ProfileTarget) -> Probe {
        match &target.pprof_url {
            None => Probe::Denied {
                why: format!("the {} tier has no profile endpoint", target.tier),
                fix: "serve /debug/pprof/profile and set pprof_url to its address".to_owned(),
            },
            Some(url) if url.scheme() != "http" => Probe::Denied {
                why: format!("{} is not plain http", http::display_url(url)),
                fix: "give the endpoint's loopback http address".to_owned(),
            },
            Some(_) => Probe::Degraded {
                why: "an in-process profile may miss the innermost function of each stack".to_owned(),
                fix: "permit perf: `sysctl kernel.perf_event_paranoid=1`, or run kneepoint as root"
                    .to_owned(),
            },
        }
    }

    fn record(
        &self,
        target: &ProfileTarget,
        window: &ProfileWindow,
    ) -> Result<Vec<FoldedProfile>, ProfilerError> {
        let refused = |why: String| ProfilerError::Refused { source_name: "the pprof endpoint", why };
        let mut url = target.pprof_url.clone().ok_or_else(|| refused("no pprof_url is set".to_owned()))?;
        let seconds = window.duration.as_secs().max(1);
        url.query_pairs_mut()
            .append_pair("seconds", &seconds.to_string())
            .append_pair("hz", &window.hz.to_string());
        let started = Instant::now();
        let response = http::get(&url, window.duration + SYMBOLIZE_TIMEOUT, MAX_BODY, &window.cancel)?;
        if response.status != 200 {
            let message = collapsed_line(&String::from_utf8_lossy(&response.body), 200);
            return Err(refused(format!(
                "status {} from {}: {message}",
                response.status,
                http::display_url(&url)
            )));
        }
        let decoded = pprof::parse(&response.body)?;
        let facts = ProfileFacts {
            hz: window.hz,
            duration_ms: seconds.min(started.elapsed().as_secs().max(1)) * 1_000,
            processes: 1,
            samples: decoded.samples,
            ..ProfileFacts::default()
        };
        Ok(vec![FoldedProfile {
            tier: target.tier,
            source: ProfileSource::PprofHttp,
            view: ProfileView::Running,
            unit: decoded.unit,
            stacks: decoded.stacks,
            facts,
        }])
    }
}
