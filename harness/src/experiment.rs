//! Experiments: a piece of advice is followed on one stack and not on another, and both are loaded in turn.
//!
//! [`pairs`] measures what every comparison has in common; what is of its own kind has a file of its own. The verdict is
//! `kneepoint_analysis::experiment`'s, a pure function of the blocks; here things are only brought up, asked and written.

mod apart;
mod bench;
mod block;
mod cold_start;
mod counters;
mod exit;
mod ground;
mod lost_update;
mod manoeuvre;
mod missing;
mod pairs;
mod quiet;
mod requests;
mod result;
mod write;

pub(crate) use bench::Bench;
pub(crate) use exit::exit_of;
pub(crate) use requests::check as check_requests;
pub(crate) use write::Book;

use kneepoint_model::event::{Event, EventSink as _};
use kneepoint_model::experiment::{Ending, Rollout, ToggleResult};
use kneepoint_model::stage::{Stage, StageStatus};
use kneepoint_stack::toggle::{Special, Test, Toggle};

use crate::failure::Failure;

/// Puts every toggle to the test, one after the other, and keeps the book up to date after each.
///
/// # Errors
/// Only what ends everything: a signal, or the file system. A toggle that cannot be run is a result.
pub(crate) fn all(toggles: &[Toggle], bench: &Bench<'_>, book: &mut Book) -> Result<(), Failure> {
    for (at, toggle) in toggles.iter().enumerate() {
        bench.events.emit(Event::StageStarted { stage: Stage::Load });
        let began = std::time::Instant::now();
        let place = format!("{} ({} of {})", toggle.name, at + 1, toggles.len());
        let result = one(toggle, &place, bench, book);
        let status = match &result {
            Ok(result) if matches!(result.ending, Ending::NotRun { .. }) => StageStatus::Skipped,
            Ok(result) if result.ending == Ending::Interrupted => StageStatus::Interrupted,
            Ok(_) => StageStatus::Done,
            Err(_) => StageStatus::Failed,
        };
        if let Ok(result) = &result {
            bench
                .events
                .note(Stage::Load, &format!("{}: {}", toggle.name, result::in_a_word(&result.ending)));
        }
        let seconds = began.elapsed().as_secs_f64();
        bench.events.emit(Event::StageEnded { stage: Stage::Load, status, seconds });
        book.add(result?)?;
        bench.stop.check()?;
    }
    Ok(())
}

fn one(toggle: &Toggle, place: &str, bench: &Bench<'_>, book: &mut Book) -> Result<ToggleResult, Failure> {
    let began = std::time::Instant::now();
    let mut result = match (missing::missing(toggle), &toggle.test) {
        (Some((why, fix)), _) => result::not_run(toggle, why, fix),
        (None, Test::Pairs(comparison)) => pairs::compare(toggle, comparison, place, bench, book)?,
        (None, Test::Special(Special::ColdStart)) => cold_start::cold_start(toggle, place, bench, book)?,
        (None, Test::Special(Special::LostUpdate)) => lost_update::table(toggle, place, bench, book)?,
        (None, Test::Special(Special::RollingRestart)) => {
            manoeuvre::compare(Rollout::RollingRestart, toggle, place, bench, book)?
        }
        (None, Test::Special(Special::BlueGreen)) => {
            manoeuvre::compare(Rollout::BlueGreen, toggle, place, bench, book)?
        }
        (None, Test::Special(Special::Swap)) => missing::not_yet(toggle),
    };
    result.took_us = kneepoint_model::units::Micros::from_duration(began.elapsed());
    Ok(result)
}
