//! Pauses between the steps of a journey.

use std::time::{Duration, Instant};

use crate::phase::context::PhaseContext;
use crate::scheduler::alarm::AlarmClock;
use crate::user::in_flight::DueTime;

/// Who says when a pause is over.
#[derive(Clone, Copy)]
pub(crate) enum StepTiming<'a> {
    /// The user: a step begins when the user is ready (closed model).
    WhenReady,
    /// The clock: a step is due when its pause ends, even if the generator is late (open model).
    OnSchedule(&'a AlarmClock),
}

/// Longest sleep without a look at the end of the phase.
const MAX_SLEEP: Duration = Duration::from_millis(100);

/// Pauses; the answer says when the next step is due.
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
