//! A comparison: two stacks side by side, loaded in turn in short blocks (A B B A …), until there are enough pairs.

use std::collections::BTreeMap;
use std::time::Duration;

use kneepoint_analysis::experiment::{Question, dropped_because};
use kneepoint_loadgen::{BlockLoad, LoadError, PhasePlan};
use kneepoint_model::exit::ExitCode;
use kneepoint_model::experiment::{Block, Leak, Side, Signal, ToggleResult};
use kneepoint_model::load::LoadModel;
use kneepoint_model::units::PerSecond;
use kneepoint_profiler::Stocktaker;
use kneepoint_stack::toggle::{Comparison, OfferedLoad, Toggle, Variant};

use super::apart;
use super::bench::Bench;
use super::block::{Seen, block};
use super::counters::{self, Counters};
use super::ground::{Ground, NoGround, stand};
use super::requests::{Fresh, scenario, wants_fresh};
use super::result;
use super::write::Book;
use crate::config::DataSize;
use crate::failure::Failure;

/// Before the first pair each side is loaded this long, and nothing of it counts.
const WARM_UP: Duration = Duration::from_millis(1_500);
/// What a server still does after its last answer (logs, closing) belongs to the block.
const SETTLE: Duration = Duration::from_millis(15);
/// A request that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(8);

/// Compares.
pub(super) fn compare(
    toggle: &Toggle,
    comparison: &Comparison,
    place: &str,
    bench: &Bench<'_>,
    book: &mut Book,
) -> Result<ToggleResult, Failure> {
    bench.progress(0, 1, &format!("{place}: bringing up what stands without and with it"));
    let shared = comparison.without.same_stack(&comparison.with);
    let mut grounds = Vec::new();
    let variants = [("a", &comparison.without), ("b", &comparison.with)];
    for (slot, variant) in variants.into_iter().take(if shared { 1 } else { 2 }) {
        match stand(variant, slot, &toggle.name, bench) {
            Ok(ground) => grounds.push(ground),
            Err(none) => {
                grounds.into_iter().try_for_each(Ground::down)?;
                return not_run(toggle, none, book);
            }
        }
    }
    for ground in &grounds {
        book.versions(&ground.info().versions);
    }
    let measured = Turns::new(toggle, comparison, &grounds, bench).and_then(|mut turns| {
        turns.take(place)?;
        Ok((turns.blocks, turns.leaks))
    });
    let sound = grounds.iter().find_map(|ground| ground.answers(bench).err());
    grounds.into_iter().try_for_each(Ground::down)?;
    match measured {
        Ok((blocks, leaks)) => {
            let cut = bench.stop.cancel.is_set();
            Ok(result::of_pairs(toggle, comparison, blocks, leaks, cut))
        }
        Err(why) if bench.stop.cancel.is_set() => {
            drop(why);
            Ok(result::of_pairs(toggle, comparison, Vec::new(), Vec::new(), true))
        }
        Err(why) => {
            let why = sound.map_or(why.clone(), |sound| format!("{why}: {sound}"));
            let fix = "the logs of both stacks are in the folder of the experiment".to_owned();
            not_run(toggle, NoGround::Missing { why, fix, exit: ExitCode::StackFailed }, book)
        }
    }
}

/// The result of what could not be run; anything worse ends everything.
pub(super) fn not_run(toggle: &Toggle, none: NoGround, book: &mut Book) -> Result<ToggleResult, Failure> {
    match none {
        NoGround::Ends(failure) => Err(failure),
        NoGround::Missing { why, fix, exit } => {
            book.missed(exit);
            Ok(result::not_run(toggle, why, fix))
        }
    }
}

/// One side as it is loaded.
struct Turn<'a> {
    variant: &'a Variant,
    ground: &'a Ground,
    /// Which of the stacks, as the stocktaker counts them.
    stack: usize,
    load: BlockLoad,
    /// The database's own counters, where one of them is wanted.
    counters: Option<Counters>,
}

/// Turn and turn about.
struct Turns<'a> {
    toggle: &'a Toggle,
    comparison: &'a Comparison,
    bench: &'a Bench<'a>,
    question: Question,
    taker: Stocktaker,
    sides: BTreeMap<Side, Turn<'a>>,
    fresh: Fresh,
    blocks: Vec<Block>,
    leaks: Vec<Leak>,
}

impl<'a> Turns<'a> {
    fn new(
        toggle: &'a Toggle,
        comparison: &'a Comparison,
        grounds: &'a [Ground],
        bench: &'a Bench<'a>,
    ) -> Result<Self, String> {
        let mut fresh = Fresh::up_to(books(bench.part.size));
        let mut sides = BTreeMap::new();
        for (side, variant) in [(Side::Without, &comparison.without), (Side::With, &comparison.with)] {
            let stack = if side == Side::With { grounds.len() - 1 } else { 0 };
            let ground = &grounds[stack];
            let pages = pages(comparison, bench.part.block, &mut fresh)?;
            let asked = scenario(&toggle.name, &comparison.requests, variant.connections, pages);
            let asked = asked.map_err(|error| error.to_string())?;
            let model = match comparison.load {
                OfferedLoad::Users(users) => LoadModel::Closed { users: u32::from(users) },
                OfferedLoad::Rate(rate) => LoadModel::Open { rate: PerSecond(rate) },
            };
            let mut plan = PhasePlan::new("block", model, ground.info().base_url.clone(), vec![(asked, 1)]);
            plan.host_header.clone_from(&ground.info().host_header);
            plan.via.clone_from(&ground.info().via);
            (plan.think_scale, plan.timeout, plan.seed) = (0.0, TIMEOUT, bench.stack.seed);
            let load = BlockLoad::new(plan).map_err(|error| error.to_string())?;
            let wanted = comparison.proofs.iter().copied().chain([comparison.signal]);
            let counters = if counters::wanted(wanted) { Counters::of(ground.info())? } else { None };
            sides.insert(side, Turn { variant, ground, stack, load, counters });
        }
        let stacks: Vec<_> = grounds.iter().map(Ground::info).collect();
        let question = Question {
            signal: comparison.signal,
            min_effect: comparison.min_effect,
            concurrency: comparison.concurrency,
        };
        let (taker, blocks, leaks) = (Stocktaker::new(&stacks), Vec::new(), Vec::new());
        Ok(Self { toggle, comparison, bench, question, taker, sides, fresh, blocks, leaks })
    }

    /// Warms both sides, looks whether visitors are kept apart, and takes turns until there are enough pairs.
    fn take(&mut self, place: &str) -> Result<(), String> {
        let part = self.bench.part;
        for side in [Side::Without, Side::With] {
            self.bench.progress(0, part.pairs, &format!("{place}: warming up {}", side.name()));
            let length = if wants_fresh(&self.comparison.requests) { part.block } else { WARM_UP };
            self.load(side, length)?;
            if self.comparison.user_isolation {
                let found =
                    apart::look(&self.sides[&side].ground.info().clone(), self.comparison, self.bench)?;
                self.leaks.extend(found.into_iter().map(|mixed| Leak {
                    side,
                    path: mixed.path,
                    what: mixed.what,
                }));
            }
        }
        let (mut good, mut spare) = (0, part.spare);
        for pair in 0.. {
            if good >= part.pairs || self.bench.stop.cancel.is_set() {
                break;
            }
            self.bench.progress(good, part.pairs, &format!("{place}: pair {} of {}", good + 1, part.pairs));
            // A B, then B A: what drifts with time hits both alike.
            let order = if pair % 2 == 0 { [Side::Without, Side::With] } else { [Side::With, Side::Without] };
            let mut both = BTreeMap::new();
            for side in order {
                both.insert(side, self.turn(pair, side)?);
            }
            let (Some(mut without), Some(mut with)) = (both.remove(&Side::Without), both.remove(&Side::With))
            else {
                break;
            };
            let dropped = dropped_because(&self.question, &without, &with);
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

    /// One block on one side.
    fn turn(&mut self, pair: u32, side: Side) -> Result<Block, String> {
        if wants_fresh(&self.comparison.requests) {
            self.ask_fresh(side)?;
        }
        let mut more = self.ask_beside(side)?;
        if let Some(counters) = &self.sides[&side].counters {
            counters.begin();
        }
        self.taker.take();
        let phase = self.load(side, self.bench.part.block)?;
        std::thread::sleep(SETTLE);
        let taken = self.taker.take();
        if let Some(counters) = &self.sides[&side].counters
            && let Some(window) = counters.end(&self.bench.stop.cancel)
        {
            more.extend(counters::values(&window, phase.requests));
        }
        let stack = self.sides[&side].stack;
        Ok(block(Seen { pair, side, phase: &phase, stock: &taken, stack, more }))
    }

    fn load(&mut self, side: Side, length: Duration) -> Result<kneepoint_model::load::LoadPhase, String> {
        let cancel = &self.bench.stop.cancel;
        let turn = self.sides.get_mut(&side).ok_or("there are two sides")?;
        turn.load.run(length, cancel).map_err(|error: LoadError| error.to_string())
    }

    /// Gives the next block pages that nobody has asked for; on a side that is kept warm they are asked for once now.
    fn ask_fresh(&mut self, side: Side) -> Result<(), String> {
        let (comparison, name) = (self.comparison, &self.toggle.name);
        let pages = pages(comparison, self.bench.part.block, &mut self.fresh)?;
        let turn = self.sides.get_mut(&side).ok_or("there are two sides")?;
        let asked = || scenario(name, &comparison.requests, turn.variant.connections, pages);
        let asked_for = asked().map_err(|error| error.to_string())?;
        if turn.variant.warmed {
            turn.load.ask(vec![(asked_for.clone(), 1)]).map_err(|error| error.to_string())?;
            turn.load
                .run(self.bench.part.block, &self.bench.stop.cancel)
                .map_err(|error| error.to_string())?;
        }
        turn.load.ask(vec![(asked_for, 1)]).map_err(|error| error.to_string())
    }

    /// What no load can tell: asked for beside it, when it decides or proves something.
    fn ask_beside(&mut self, side: Side) -> Result<BTreeMap<Signal, f64>, String> {
        let asked = |signal| self.comparison.signal == signal || self.comparison.proofs.contains(&signal);
        let mut more = BTreeMap::new();
        let info = self.sides[&side].ground.info();
        if asked(Signal::Leaks) {
            let found = apart::look(info, self.comparison, self.bench)?;
            more.insert(Signal::Leaks, found.len() as f64);
        }
        if asked(Signal::DebugPages) {
            more.insert(Signal::DebugPages, apart::debug_pages(info, self.bench)?);
        }
        Ok(more)
    }
}

/// The pages of one block, where it needs some of its own.
fn pages(comparison: &Comparison, block: Duration, fresh: &mut Fresh) -> Result<Option<(u64, u64)>, String> {
    if !wants_fresh(&comparison.requests) {
        return Ok(None);
    }
    let OfferedLoad::Rate(rate) = comparison.load else {
        return Err("fresh pages are asked for at a rate: users would use up any number of them".to_owned());
    };
    let count = (rate * block.as_secs_f64()).ceil() as u64;
    let pages = fresh.take(count);
    pages.map(Some).ok_or_else(|| {
        "there are not enough books for pages that nobody asked for; use larger data: --size M".to_owned()
    })
}

/// Books in data of this size (the table of the bookstore's README).
const fn books(size: DataSize) -> u64 {
    match size {
        DataSize::S => 500,
        DataSize::M => 5_000,
        DataSize::L => 50_000,
    }
}
