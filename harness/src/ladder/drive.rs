//! The load of one rung: all that it can give, then the search for the highest rate that keeps the promise, then the rate
//! that is the same for all → `load/closed`, `load/step-NN`, `load/open`.
//!
//! What to do next is decided by pure functions of the run folder (`kneepoint_analysis::{ladder, slo_search}`), the same
//! that the report asks again.

use std::time::Duration;

use kneepoint_analysis::RunFacts;
use kneepoint_analysis::ladder::{equal_rate, start_rate, step_length, steps};
use kneepoint_analysis::slo_search::{Next, StepOutcome, Tried, next};
use kneepoint_model::event::{EventSink as _, Stage};
use kneepoint_model::ladder::{EQUAL, EqualRate, SATURATION, step_name};
use kneepoint_model::load::LoadModel;
use kneepoint_model::site::SiteMap;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::units::PerSecond;
use kneepoint_scenarios::Scenario;

use super::settle::settle;
use super::store::Store;
use crate::config::{LadderPart, LoadPart};
use crate::failure::Failure;
use crate::run::Run;
use crate::stage::load::{mix, phase, plan};
use crate::stage::sampled::sampled;

/// Loads the rung, while resources are sampled.
pub(super) fn drive(
    (part, load): (&LadderPart, &LoadPart),
    stack: &StackInfo,
    site: &SiteMap,
    store: &mut Store,
    run: &mut Run,
) -> Result<(), Failure> {
    let load = LoadPart { warmup: part.warmup, stop_when: Vec::new(), ..load.clone() };
    let mix = mix(&load, site)?;
    let drive = Drive { part, load: &load, stack, mix: &mix };
    sampled(stack, run, |run| {
        drive.go(SATURATION, LoadModel::Closed { users: load.users }, part.closed, run)?;
        drive.search(run)?;
        drive.equal(store, run)
    })
}

struct Drive<'a> {
    part: &'a LadderPart,
    load: &'a LoadPart,
    stack: &'a StackInfo,
    mix: &'a [(Scenario, u32)],
}

impl Drive<'_> {
    /// One phase, begun when the stack has worked off what the phase before left behind.
    fn go(&self, name: &str, model: LoadModel, length: Duration, run: &mut Run) -> Result<(), Failure> {
        settle(&run.folder, &run.stop.cancel)?;
        run.stop.check()?;
        let mut plan = plan(self.load, name, model, length, self.stack, self.mix);
        if matches!(model, LoadModel::Closed { .. }) {
            // Users who think leave the rung idle; here it is asked for all that it can give.
            plan.options.think_scale = 0.0;
        }
        phase(&plan, run).map(drop)
    }

    fn search(&self, run: &mut Run) -> Result<(), Failure> {
        let Some(start) = start_rate(&facts(run)?) else {
            run.events.warn(
                Stage::Load,
                "no journey ended in the closed phase, so no rate is tried; see logs/ in the run folder",
            );
            return Ok(());
        };
        for number in 1..=self.part.search.max_steps {
            let facts = facts(run)?;
            let steps = steps(&facts, &self.part.promise);
            let tried: Vec<Tried> =
                steps.iter().map(|step| Tried { rate: step.rate, outcome: step.outcome }).collect();
            match next(&self.part.search, start, &tried) {
                Next::Done(_) => break,
                Next::Try(rate) => {
                    let length = step_length(&facts, &self.part.promise, rate, self.part.step);
                    self.go(&step_name(number), LoadModel::Open { rate }, length, run)?;
                    self.tell(run)?;
                }
            }
        }
        Ok(())
    }

    /// What the last step showed, for those who watch.
    fn tell(&self, run: &Run) -> Result<(), Failure> {
        if let Some(last) = steps(&facts(run)?, &self.part.promise).pop() {
            let word = match last.outcome {
                StepOutcome::Kept => "kept",
                StepOutcome::Broken => "broken",
                StepOutcome::Invalid => "invalid",
            };
            let why = last.why.map_or_else(String::new, |why| format!(": {why}"));
            run.note(Stage::Load, format!("{}: {} journeys, {word}{why}", last.phase, last.rate));
        }
        Ok(())
    }

    /// The phase at the rate for all; the first rung that has a throughput decides which rate that is.
    fn equal(&self, store: &mut Store, run: &mut Run) -> Result<(), Failure> {
        let found = equal_rate(&facts(run)?, &self.part.promise);
        if let (None, Some(rate)) = (&store.ladder.equal, found) {
            // Three digits: it is shown, and may be given again by hand.
            let rate = PerSecond((rate.0 * 1_000.0).round() / 1_000.0);
            store.ladder.equal = Some(EqualRate { rate, from: Some(run.manifest.topology.clone()) });
            store.save()?;
        }
        let Some(equal) = &store.ladder.equal else {
            run.note(Stage::Load, "no rate for all rungs is known yet, so none was tried");
            return Ok(());
        };
        self.go(EQUAL, LoadModel::Open { rate: equal.rate }, self.part.equal, run)
    }
}

fn facts(run: &Run) -> Result<RunFacts, Failure> {
    RunFacts::load(&run.folder).map_err(Failure::internal)
}
