//! Waits between two phases: a server goes on working on requests that the generator has given up, and that work must not
//! count for the next phase.

use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::run::{RunFolder, names};
use kneepoint_model::sample::ResourceSample;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, UnixMillis};

use crate::failure::Failure;

/// Longest wait; what still uses CPU then is background work of the stack.
const TIMEOUT: Duration = Duration::from_secs(8);
/// Time between two reads of the samples.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// A stack that uses less than this is idle; not 0, because a development server polls its files.
const IDLE_CORES: f64 = 0.15;
/// Consecutive idle ticks of the sampler that are needed.
const IDLE_TICKS: usize = 2;

/// Waits until the stack is idle, at most [`TIMEOUT`].
pub(super) fn wait_until_idle(folder: &RunFolder, cancel: &Cancel) -> Result<(), Failure> {
    let (since, until) = (UnixMillis::now(), Instant::now() + TIMEOUT);
    while Instant::now() < until && !cancel.sleep(POLL_INTERVAL) {
        let (samples, _) = folder.read_lines::<ResourceSample>(names::RESOURCES)?;
        if is_idle(&samples, since) {
            break;
        }
    }
    Ok(())
}

/// True when the tiers were idle in the last ticks, all of which began after `since`.
fn is_idle(samples: &[ResourceSample], since: UnixMillis) -> bool {
    let after: Vec<&ResourceSample> = samples
        .iter()
        .filter(|sample| sample.at_ms.get() >= since.get() + sample.tick_us.get() / 1_000)
        .collect();
    let is_quiet = |sample: &&ResourceSample| {
        let tiers = sample.tiers.iter().filter(|t| !matches!(t.tier, Tier::Generator | Tier::Host));
        let used: Micros = tiers.map(|tier| tier.cpu_us).sum();
        used.as_f64() <= sample.tick_us.as_f64() * IDLE_CORES
    };
    after.len() >= IDLE_TICKS && after[after.len() - IDLE_TICKS..].iter().all(is_quiet)
}

#[cfg(test)]
mod tests {
    use kneepoint_model::sample::{HostSample, TierSample};
    use kneepoint_model::units::Bytes;

    use super::*;

    fn sample(at: u64, cpu: u64) -> ResourceSample {
        let tier = |tier, cpu_us| TierSample {
            tier,
            processes: 1,
            threads: 1,
            cpu_us: Micros(cpu_us),
            run_queue_us: Micros::ZERO,
            rss: Bytes::ZERO,
            pss: None,
            swap: Bytes::ZERO,
            minor_faults: 0,
            major_faults: 0,
            voluntary_switches: 0,
            involuntary_switches: 0,
            fds: 0,
            sockets: 0,
            read: Bytes::ZERO,
            write: Bytes::ZERO,
            started: 0,
        };
        ResourceSample {
            at_ms: UnixMillis(at),
            tick_us: Micros(250_000),
            host: HostSample::default(),
            tiers: vec![tier(Tier::Server, cpu), tier(Tier::Generator, 200_000)],
            nginx: None,
            databases: Vec::new(),
            caches: Vec::new(),
        }
    }

    #[test]
    fn only_whole_ticks_after_the_phase_count_and_the_generator_does_not() {
        let since = UnixMillis(1_000);
        let (busy, quiet) = (200_000, 1_000);
        assert!(!is_idle(&[], since));
        assert!(!is_idle(&[sample(1_000, quiet), sample(1_200, quiet)], since), "begun before");
        assert!(is_idle(&[sample(1_250, busy), sample(1_500, quiet), sample(1_750, quiet)], since));
        assert!(!is_idle(&[sample(1_500, quiet), sample(1_750, busy)], since));
    }
}
