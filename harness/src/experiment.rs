//! Experiments: a piece of advice is applied on one stack and not on another, and both are loaded alternately.
//!
//! [`pairs`] runs the comparisons that most toggles share; special tests have a file each. The verdict is a pure function of
//! the blocks in `kneepoint_analysis::experiment`; this module only brings stacks up, loads them and writes results.

mod block;
mod cold_start;
mod context;
mod counters;
mod exit;
mod journal;
mod lost_update;
mod missing;
mod pairs;
mod requests;
mod result;
mod rollout;
mod testbed;
mod user_isolation;
mod warnings_only;

pub(crate) use context::ExperimentContext;
pub(crate) use exit::exit_code;
pub(crate) use journal::ExperimentJournal;
pub(crate) use requests::check_requests;

use kneepoint_model::event::{Event, EventSink as _};
use kneepoint_model::experiment::{Ending, Rollout, ToggleResult};
use kneepoint_model::stage::{Stage, StageStatus};
use kneepoint_stack::toggle::{Special, Test, Toggle};

use crate::failure::Failure;

/// Tests the toggles one after the other, and writes the journal after each.
///
/// # Errors
/// Only what ends the whole experiment: a signal, or the file system. A toggle that cannot be run is a result.
pub(crate) fn run_all(
    toggles: &[Toggle],
    context: &ExperimentContext<'_>,
    journal: &mut ExperimentJournal,
) -> Result<(), Failure> {
    for (at, toggle) in toggles.iter().enumerate() {
        context.events.emit(Event::StageStarted { stage: Stage::Load });
        let began = std::time::Instant::now();
        let position = format!("{} ({} of {})", toggle.name, at + 1, toggles.len());
        let result = run_toggle(toggle, &position, context, journal);
        let status = match &result {
            Ok(result) if matches!(result.ending, Ending::NotRun { .. }) => StageStatus::Skipped,
            Ok(result) if result.ending == Ending::Interrupted => StageStatus::Interrupted,
            Ok(_) => StageStatus::Done,
            Err(_) => StageStatus::Failed,
        };
        if let Ok(result) = &result {
            context
                .events
                .note(Stage::Load, &format!("{}: {}", toggle.name, result::summarize_ending(&result.ending)));
        }
        let seconds = began.elapsed().as_secs_f64();
        context.events.emit(Event::StageEnded { stage: Stage::Load, status, seconds });
        journal.add(result?)?;
        context.shutdown.check()?;
    }
    Ok(())
}

fn run_toggle(
    toggle: &Toggle,
    position: &str,
    context: &ExperimentContext<'_>,
    journal: &mut ExperimentJournal,
) -> Result<ToggleResult, Failure> {
    let began = std::time::Instant::now();
    let mut result = match (missing::missing_requirement(toggle), &toggle.test) {
        (Some((why, fix)), _) => result::not_run(toggle, why, fix),
        (None, Test::Pairs(comparison)) => {
            pairs::compare_in_pairs(toggle, comparison, position, context, journal)?
        }
        (None, Test::Special(Special::ColdStart)) => {
            cold_start::measure_cold_start(toggle, position, context, journal)?
        }
        (None, Test::Special(Special::LostUpdate)) => {
            lost_update::measure_lost_updates(toggle, position, context, journal)?
        }
        (None, Test::Special(Special::RollingRestart)) => {
            rollout::compare_rollout(Rollout::RollingRestart, toggle, position, context, journal)?
        }
        (None, Test::Special(Special::BlueGreen)) => {
            rollout::compare_rollout(Rollout::BlueGreen, toggle, position, context, journal)?
        }
        (None, Test::Special(Special::Swap)) => missing::swap_not_testable(toggle),
    };
    result.took_us = kneepoint_model::units::Micros::from_duration(began.elapsed());
    Ok(result)
}
