//! Pauses between the steps of a journey.

use std::time::{Duration, Instant};

use crate::phase::context::PhaseContext;
use crate::scheduler::alarm::AlarmClock;
use crate::user::in_flight::DueTime;

/// What ends a pause.
#[derive(Clone, Copy)]
pub(crate) enum StepTiming<'a> {
    /// Closed model: the next step starts when the user is ready.
    WhenReady,
    /// Open model: the next step is due when the pause ends, even if the generator is late.
    OnSchedule(&'a AlarmClock),
}

/// Longest sleep between two checks for the end of the phase.
const MAX_SLEEP: Duration = Duration::from_millis(100);

/// Pauses after `last`, and returns when the next step is due.
pub(crate) async fn pause(
    context: &PhaseContext,
    last: DueTime,
    length: Duration,
    timing: StepTiming<'_>,
) -> DueTime {
    match timing {
        StepTiming::OnSchedule(alarm) => {
            let at = last.at + length;
            if length.is_zero() {
                return DueTime { at, lag: None };
            }
            alarm.sleep_until(at).await;
            DueTime { at, lag: Some(at.elapsed()) }
        }
        StepTiming::WhenReady => {
            let at = last.at + length;
            loop {
                let now = Instant::now();
                if now >= at || now >= context.prepared.window.until {
                    return DueTime { at: now, lag: None };
                }
                tokio::time::sleep((at - now).min(MAX_SLEEP)).await;
            }
        }
    }
}
