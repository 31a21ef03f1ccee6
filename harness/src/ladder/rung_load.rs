//! The load of one rung: saturation, then the search for the highest rate that meets the objective, then the rate that is
//! the same for all rungs → `load/closed`, `load/step-NN`, `load/open`.
//!
//! The next trial is decided by pure functions of the run folder (`kneepoint_analysis::{ladder, slo_search}`), which the
//! report uses too.

use std::time::Duration;

use kneepoint_analysis::ladder::{equal_rate, start_rate, trial_duration, trials};
use kneepoint_analysis::slo_search::{NextRate, TrialOutcome, TriedRate, next_rate};
use kneepoint_model::event::EventSink as _;
use kneepoint_model::ladder::{EQUAL_RATE_PHASE, EqualRate, SATURATION_PHASE, trial_name};
use kneepoint_model::load::LoadModel;
use kneepoint_model::site::SiteMap;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;
use kneepoint_model::units::PerSecond;
use kneepoint_scenarios::Scenario;

use super::settle::wait_until_idle;
use super::store::LadderStore;
use crate::config::{LadderPart, LoadPart};
use crate::failure::Failure;
use crate::run::Run;
use crate::stage::load::{mix, phase, plan};
use crate::stage::sampling::with_sampling;

/// Runs all load phases of the rung, while resources are sampled.
pub(super) fn load_rung(
    (part, load): (&LadderPart, &LoadPart),
    stack: &StackInfo,
    site: &SiteMap,
    store: &mut LadderStore,
    run: &mut Run,
) -> Result<(), Failure> {
    let load = LoadPart { warmup: part.warmup, stop_when: Vec::new(), ..load.clone() };
    let mix = mix(&load, site)?;
    let rung = RungLoad { part, load: &load, stack, mix: &mix };
    with_sampling(stack, run, |run| {
        rung.run_phase(SATURATION_PHASE, LoadModel::Closed { users: load.users }, part.closed, run)?;
        rung.search_rate(run)?;
        rung.run_equal_rate(store, run)
    })
}

struct RungLoad<'a> {
    part: &'a LadderPart,
    load: &'a LoadPart,
    stack: &'a StackInfo,
    mix: &'a [(Scenario, u32)],
}

impl RungLoad<'_> {
    /// Runs one phase, once the stack is idle after the phase before.
    fn run_phase(
        &self,
        name: &str,
        model: LoadModel,
        length: Duration,
        run: &mut Run,
    ) -> Result<(), Failure> {
        wait_until_idle(&run.folder, &run.shutdown.cancel)?;
        run.shutdown.check()?;
        let mut plan = plan(self.load, name, model, length, self.stack, self.mix);
        if matches!(model, LoadModel::Closed { .. }) {
            // Without think time, so that the rung is saturated.
            plan.options.think_scale = 0.0;
        }
        phase(&plan, run).map(drop)
    }

    fn search_rate(&self, run: &mut Run) -> Result<(), Failure> {
        let Some(start) = start_rate(&run.load_facts()?) else {
            run.events.warn(
                Stage::Load,
                "no journey ended in the closed phase, so no rate is tried; see logs/ in the run folder",
            );
            return Ok(());
        };
        for number in 1..=self.part.search.max_trials {
            let facts = run.load_facts()?;
            let tried = trials(&facts, &self.part.objective);
            let tried: Vec<TriedRate> =
                tried.iter().map(|trial| TriedRate { rate: trial.rate, outcome: trial.outcome }).collect();
            match next_rate(&self.part.search, start, &tried) {
                NextRate::Done(_) => break,
                NextRate::Try(rate) => {
                    let length = trial_duration(&facts, &self.part.objective, rate, self.part.step);
                    self.run_phase(&trial_name(number), LoadModel::Open { rate }, length, run)?;
                    self.announce_trial(run)?;
                }
            }
        }
        Ok(())
    }

    /// Notes the outcome of the last trial.
    fn announce_trial(&self, run: &Run) -> Result<(), Failure> {
        if let Some(last) = trials(&run.load_facts()?, &self.part.objective).pop() {
            let word = match last.outcome {
                TrialOutcome::Met => "met",
                TrialOutcome::Violated => "violated",
                TrialOutcome::Invalid => "invalid",
            };
            let why = last.why.map_or_else(String::new, |why| format!(": {why}"));
            run.note(Stage::Load, format!("{}: {} journeys, {word}{why}", last.phase, last.rate));
        }
        Ok(())
    }

    /// Runs the phase at the rate for all rungs, which the first rung with a throughput determines.
    fn run_equal_rate(&self, store: &mut LadderStore, run: &mut Run) -> Result<(), Failure> {
        let found = equal_rate(&run.load_facts()?, &self.part.objective);
        if let (None, Some(rate)) = (&store.ladder.equal, found) {
            // Three digits, because the user may type it after --rate.
            let rate = PerSecond((rate.0 * 1_000.0).round() / 1_000.0);
            store.ladder.equal = Some(EqualRate { rate, from: Some(run.manifest.topology.clone()) });
            store.save()?;
        }
        let Some(equal) = &store.ladder.equal else {
            run.note(
                Stage::Load,
                "no rate for all rungs is known yet, so the phase at the same rate was not run",
            );
            return Ok(());
        };
        self.run_phase(EQUAL_RATE_PHASE, LoadModel::Open { rate: equal.rate }, self.part.equal, run)
    }
}
