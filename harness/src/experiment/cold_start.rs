//! What the first visitor of a fresh worker waits for, against what a later one does: one launch, one pair.

use std::collections::BTreeMap;
use std::time::Duration;

use kneepoint_analysis::experiment::{Question, dropped_because, judge};
use kneepoint_loadgen::{BlockLoad, PhasePlan};
use kneepoint_model::exit::ExitCode;
use kneepoint_model::experiment::{Block, Side, Signal, ToggleResult};
use kneepoint_model::load::LoadModel;
use kneepoint_profiler::Stocktaker;
use kneepoint_stack::Topology;
use kneepoint_stack::toggle::{Connections, Requests, Toggle};

use super::bench::Bench;
use super::block::{Seen, block};
use super::ground::{Ground, NoGround, stand_as};
use super::pairs::not_run;
use super::requests::scenario;
use super::result;
use super::write::Book;
use crate::failure::Failure;

/// The least number of launches that can be judged, and a few more for those that a stranger spoils.
const LAUNCHES: u32 = 8;
const SPARE: u32 = 4;
/// What the first visitor asks for: a page with a template and queries.
const PAGE: &str = "/catalogue/?page=3";
/// Long enough for the first request of a fresh worker, and for a few of a warm one.
const LOOK: Duration = Duration::from_millis(300);
const QUESTION: Question = Question { signal: Signal::FirstRequest, min_effect: 0.5, concurrency: false };

/// Starts the server again and again, and asks it for the same page first and later.
pub(super) fn cold_start(
    toggle: &Toggle,
    place: &str,
    bench: &Bench<'_>,
    book: &mut Book,
) -> Result<ToggleResult, Failure> {
    let mut topology = Topology::named("gunicorn").map_err(|error| crate::stage::up::failure(&error))?;
    topology.workers = std::num::NonZeroU16::new(1);
    let (mut blocks, mut good): (Vec<Block>, u32) = (Vec::new(), 0);
    for launch in 0..LAUNCHES + SPARE {
        if good >= LAUNCHES || bench.stop.cancel.is_set() {
            break;
        }
        bench.progress(good, LAUNCHES, &format!("{place}: launch {} of {LAUNCHES}", good + 1));
        let ground = match stand_as(&topology, &BTreeMap::new(), "a", &toggle.name, bench) {
            Ok(ground) => ground,
            Err(none) => return not_run(toggle, none, book),
        };
        book.versions(&ground.info().versions);
        let pair = first_and_later(launch, &ground, bench);
        ground.down()?;
        match pair {
            Ok([mut without, mut with]) => {
                let dropped = dropped_because(&QUESTION, &without, &with);
                good += u32::from(dropped.is_none());
                (without.dropped, with.dropped) = (dropped.clone(), dropped);
                blocks.extend([without, with]);
            }
            Err(_) if bench.stop.cancel.is_set() => break,
            Err(why) => {
                let fix = "the logs are in the folder of the experiment".to_owned();
                return not_run(toggle, NoGround::Missing { why, fix, exit: ExitCode::StackFailed }, book);
            }
        }
    }
    let ending = result::ending(judge(&QUESTION, &blocks, &[]), bench.stop.cancel.is_set());
    let (without, with) = ("the first visitor of a fresh worker", "a later visitor");
    let mut result = result::special(toggle, QUESTION.signal, without, with, ending);
    result.min_effect = QUESTION.min_effect;
    result.blocks = blocks;
    Ok(result)
}

fn first_and_later(launch: u32, ground: &Ground, bench: &Bench<'_>) -> Result<[Block; 2], String> {
    let requests = Requests::Routes(vec![PAGE.to_owned()]);
    let asked = scenario("cold-start", &requests, Connections::KeepAlive, None);
    let asked = asked.map_err(|error| error.to_string())?;
    let info = ground.info();
    let model = LoadModel::Closed { users: 1 };
    let mut plan = PhasePlan::new("cold-start", model, info.base_url.clone(), vec![(asked, 1)]);
    plan.options.think_scale = 0.0;
    let mut load = BlockLoad::new(plan).map_err(|error| error.to_string())?;
    let mut taker = Stocktaker::new(&[info]);
    let mut look = |side| {
        taker.take();
        let phase = load.run(LOOK, &bench.stop.cancel).map_err(|error| error.to_string())?;
        let stock = taker.take();
        // One visitor asks one page after the other: the slowest of the first look is the first.
        let first = if side == Side::Without { phase.response_us.max } else { phase.response_us.p50 };
        let more = BTreeMap::from([(Signal::FirstRequest, first.as_f64())]);
        Ok::<Block, String>(block(Seen { pair: launch, side, phase: &phase, stock: &stock, stack: 0, more }))
    };
    Ok([look(Side::Without)?, look(Side::With)?])
}
