//! A paired comparison: two stacks side by side, loaded alternately in short blocks (A B B A …) until there are enough pairs.

use std::collections::BTreeMap;
use std::time::Duration;

use kneepoint_analysis::experiment::{EffectCriterion, drop_reason};
use kneepoint_loadgen::{BlockLoad, LoadError, PhasePlan};
use kneepoint_model::exit::ExitCode;
use kneepoint_model::experiment::{Block, Leak, Side, Signal, ToggleResult};
use kneepoint_model::load::LoadModel;
use kneepoint_model::units::PerSecond;
use kneepoint_profiler::ResourceSnapshotter;
use kneepoint_stack::toggle::{Comparison, OfferedLoad, Toggle, Variant};

use super::block::{BlockObservation, build_block};
use super::context::ExperimentContext;
use super::counters::{self, DbCounters};
use super::journal::ExperimentJournal;
use super::requests::{UnusedPages, build_scenario, needs_unused_pages};
use super::result;
use super::testbed::{Testbed, TestbedError, bring_up};
use super::user_isolation;
use crate::config::DataSize;
use crate::failure::Failure;

/// Load on each side before the first pair; not measured.
const WARM_UP: Duration = Duration::from_millis(1_500);
/// Wait after the last response, so that the work that follows it (logs, closing) counts for this block.
const SETTLE: Duration = Duration::from_millis(15);
/// Deadline of a request.
const TIMEOUT: Duration = Duration::from_secs(8);

/// Brings up both sides, measures the pairs and takes the stacks down.
pub(super) fn compare_in_pairs(
    toggle: &Toggle,
    comparison: &Comparison,
    position: &str,
    context: &ExperimentContext<'_>,
    journal: &mut ExperimentJournal,
) -> Result<ToggleResult, Failure> {
    context.progress(0, 1, &format!("{position}: bringing up the stacks without and with it"));
    let shared = comparison.without.same_stack(&comparison.with);
    let mut testbeds = Vec::new();
    let variants = [("a", &comparison.without), ("b", &comparison.with)];
    for (slot, variant) in variants.into_iter().take(if shared { 1 } else { 2 }) {
        match bring_up(variant, slot, &toggle.name, context) {
            Ok(testbed) => testbeds.push(testbed),
            Err(error) => {
                testbeds.into_iter().try_for_each(Testbed::down)?;
                return not_run(toggle, error, journal);
            }
        }
    }
    for testbed in &testbeds {
        journal.add_versions(&testbed.info().versions);
    }
    let measured = PairRun::new(toggle, comparison, &testbeds, context).and_then(|mut run| {
        run.measure(position)?;
        Ok((run.blocks, run.leaks))
    });
    let unhealthy = testbeds.iter().find_map(|testbed| testbed.check_health(context).err());
    testbeds.into_iter().try_for_each(Testbed::down)?;
    match measured {
        Ok((blocks, leaks)) => {
            let cut = context.shutdown.cancel.is_cancelled();
            Ok(result::paired_result(toggle, comparison, blocks, leaks, cut))
        }
        Err(why) if context.shutdown.cancel.is_cancelled() => {
            drop(why);
            Ok(result::paired_result(toggle, comparison, Vec::new(), Vec::new(), true))
        }
        Err(why) => {
            let why = unhealthy.map_or(why.clone(), |cause| format!("{why}: {cause}"));
            let fix = "the logs of both stacks are in the folder of the experiment".to_owned();
            not_run(toggle, TestbedError::Missing { why, fix, exit: ExitCode::StackFailed }, journal)
        }
    }
}

/// The result of a toggle that could not be run; a fatal error is returned as such.
pub(super) fn not_run(
    toggle: &Toggle,
    error: TestbedError,
    journal: &mut ExperimentJournal,
) -> Result<ToggleResult, Failure> {
    match error {
        TestbedError::Fatal(failure) => Err(failure),
        TestbedError::Missing { why, fix, exit } => {
            journal.record_not_run(exit);
            Ok(result::not_run(toggle, why, fix))
        }
    }
}

/// One side of the comparison while it is measured.
struct SideRun<'a> {
    variant: &'a Variant,
    testbed: &'a Testbed,
    /// Index of the stack in the resource snapshots.
    stack: usize,
    load: BlockLoad,
    /// `None` when no signal needs the database.
    counters: Option<DbCounters>,
}

/// Alternates blocks between the two sides.
struct PairRun<'a> {
    toggle: &'a Toggle,
    comparison: &'a Comparison,
    context: &'a ExperimentContext<'a>,
    question: EffectCriterion,
    taker: ResourceSnapshotter,
    sides: BTreeMap<Side, SideRun<'a>>,
    unused_pages: UnusedPages,
    blocks: Vec<Block>,
    leaks: Vec<Leak>,
}

impl<'a> PairRun<'a> {
    fn new(
        toggle: &'a Toggle,
        comparison: &'a Comparison,
        testbeds: &'a [Testbed],
        context: &'a ExperimentContext<'a>,
    ) -> Result<Self, String> {
        let mut unused_pages = UnusedPages::up_to(book_count(context.part.size));
        let mut sides = BTreeMap::new();
        for (side, variant) in [(Side::Without, &comparison.without), (Side::With, &comparison.with)] {
            let stack = if side == Side::With { testbeds.len() - 1 } else { 0 };
            let testbed = &testbeds[stack];
            let pages = block_pages(comparison, context.part.block, &mut unused_pages)?;
            let scenario = build_scenario(&toggle.name, &comparison.requests, variant.connections, pages);
            let scenario = scenario.map_err(|error| error.to_string())?;
            let model = match comparison.load {
                OfferedLoad::Users(users) => LoadModel::Closed { users: u32::from(users) },
                OfferedLoad::Rate(rate) => LoadModel::Open { rate: PerSecond(rate) },
            };
            let mut plan =
                PhasePlan::new("block", model, testbed.info().base_url.clone(), vec![(scenario, 1)]);
            plan.host_header.clone_from(&testbed.info().host_header);
            plan.via.clone_from(&testbed.info().via);
            (plan.options.think_scale, plan.options.timeout, plan.options.seed) =
                (0.0, TIMEOUT, context.stack.seed);
            let load = BlockLoad::new(plan).map_err(|error| error.to_string())?;
            let signals = comparison.proofs.iter().copied().chain([comparison.signal]);
            let counters =
                if counters::are_needed(signals) { DbCounters::for_stack(testbed.info())? } else { None };
            sides.insert(side, SideRun { variant, testbed, stack, load, counters });
        }
        let stacks: Vec<_> = testbeds.iter().map(Testbed::info).collect();
        let question = EffectCriterion {
            signal: comparison.signal,
            min_effect: comparison.min_effect,
            concurrency: comparison.concurrency,
        };
        let (taker, blocks, leaks) = (ResourceSnapshotter::new(&stacks), Vec::new(), Vec::new());
        Ok(Self { toggle, comparison, context, question, taker, sides, unused_pages, blocks, leaks })
    }

    /// Warms both sides up, checks user isolation, and measures until there are enough pairs.
    fn measure(&mut self, position: &str) -> Result<(), String> {
        let part = self.context.part;
        for side in [Side::Without, Side::With] {
            self.context.progress(0, part.pairs, &format!("{position}: warming up {}", side.name()));
            let length = if needs_unused_pages(&self.comparison.requests) { part.block } else { WARM_UP };
            self.run_load(side, length)?;
            if self.comparison.user_isolation {
                let found = user_isolation::find_leaks(
                    &self.sides[&side].testbed.info().clone(),
                    self.comparison,
                    self.context,
                )?;
                self.leaks.extend(found.into_iter().map(|mixed| Leak {
                    side,
                    path: mixed.path,
                    what: mixed.what,
                }));
            }
        }
        let (mut good, mut spare) = (0, part.spare);
        for pair in 0.. {
            if good >= part.pairs || self.context.shutdown.cancel.is_cancelled() {
                break;
            }
            self.context.progress(
                good,
                part.pairs,
                &format!("{position}: pair {} of {}", good + 1, part.pairs),
            );
            // A B, then B A: a drift over time affects both sides alike.
            let order = if pair % 2 == 0 { [Side::Without, Side::With] } else { [Side::With, Side::Without] };
            let mut both = BTreeMap::new();
            for side in order {
                both.insert(side, self.run_block(pair, side)?);
            }
            let (Some(mut without), Some(mut with)) = (both.remove(&Side::Without), both.remove(&Side::With))
            else {
                break;
            };
            let dropped = drop_reason(&self.question, &without, &with);
            (without.dropped, with.dropped) = (dropped.clone(), dropped.clone());
            self.blocks.extend([without, with]);
            match (dropped.is_some(), spare) {
                (false, _) => good += 1,
                (true, 0) => break,
                (true, _) => spare -= 1,
            }
        }
        Ok(())
    }

    /// Measures one block on one side.
    fn run_block(&mut self, pair: u32, side: Side) -> Result<Block, String> {
        if needs_unused_pages(&self.comparison.requests) {
            self.assign_unused_pages(side)?;
        }
        let mut extra = self.check_beside_load(side)?;
        if let Some(counters) = &self.sides[&side].counters {
            counters.begin();
        }
        self.taker.take();
        let phase = self.run_load(side, self.context.part.block)?;
        std::thread::sleep(SETTLE);
        let resources = self.taker.take();
        if let Some(counters) = &self.sides[&side].counters
            && let Some(window) = counters.end(&self.context.shutdown.cancel)
        {
            extra.extend(counters::signals_per_request(&window, phase.requests));
        }
        let stack = self.sides[&side].stack;
        Ok(build_block(BlockObservation { pair, side, phase: &phase, stock: &resources, stack, extra }))
    }

    fn run_load(&mut self, side: Side, length: Duration) -> Result<kneepoint_model::load::LoadPhase, String> {
        let cancel = &self.context.shutdown.cancel;
        let side = self.sides.get_mut(&side).ok_or("there are two sides")?;
        side.load.run(length, cancel).map_err(|error: LoadError| error.to_string())
    }

    /// Gives the next block pages that were never requested; on a warmed side they are requested once now.
    fn assign_unused_pages(&mut self, side: Side) -> Result<(), String> {
        let (comparison, name) = (self.comparison, &self.toggle.name);
        let pages = block_pages(comparison, self.context.part.block, &mut self.unused_pages)?;
        let side = self.sides.get_mut(&side).ok_or("there are two sides")?;
        let built = || build_scenario(name, &comparison.requests, side.variant.connections, pages);
        let scenario = built().map_err(|error| error.to_string())?;
        if side.variant.warmed {
            side.load.set_scenarios(vec![(scenario.clone(), 1)]).map_err(|error| error.to_string())?;
            side.load
                .run(self.context.part.block, &self.context.shutdown.cancel)
                .map_err(|error| error.to_string())?;
        }
        side.load.set_scenarios(vec![(scenario, 1)]).map_err(|error| error.to_string())
    }

    /// Signals that load cannot give, when the comparison needs them.
    fn check_beside_load(&mut self, side: Side) -> Result<BTreeMap<Signal, f64>, String> {
        let is_needed = |signal| self.comparison.signal == signal || self.comparison.proofs.contains(&signal);
        let mut extra = BTreeMap::new();
        let info = self.sides[&side].testbed.info();
        if is_needed(Signal::Leaks) {
            let found = user_isolation::find_leaks(info, self.comparison, self.context)?;
            extra.insert(Signal::Leaks, found.len() as f64);
        }
        if is_needed(Signal::DebugPages) {
            extra.insert(Signal::DebugPages, user_isolation::count_debug_pages(info, self.context)?);
        }
        Ok(extra)
    }
}

/// First and last number of the pages of one block; `None` when blocks may share pages.
fn block_pages(
    comparison: &Comparison,
    block: Duration,
    unused: &mut UnusedPages,
) -> Result<Option<(u64, u64)>, String> {
    if !needs_unused_pages(&comparison.requests) {
        return Ok(None);
    }
    let OfferedLoad::Rate(rate) = comparison.load else {
        return Err(
            "routes with {fresh} need a rate: a number of users would use up any number of pages".to_owned()
        );
    };
    let count = (rate * block.as_secs_f64()).ceil() as u64;
    let pages = unused.take(count);
    pages.map(Some).ok_or_else(|| {
        "there are not enough books for pages that were never requested; use larger data: --size M".to_owned()
    })
}

/// Books in data of this size, as in the README of the bookstore.
const fn book_count(size: DataSize) -> u64 {
    match size {
        DataSize::S => 500,
        DataSize::M => 5_000,
        DataSize::L => 50_000,
    }
}
