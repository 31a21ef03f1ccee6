//! Servers are replaced while visitors come at an even rate: how many requests are lost, and how many by a crude restart?

use std::collections::BTreeMap;
use std::num::{NonZeroU8, NonZeroU16};
use std::time::{Duration, Instant};

use kneepoint_analysis::experiment::manoeuvre_verdict;
use kneepoint_loadgen::{BlockLoad, PhasePlan};
use kneepoint_model::experiment::{Manoeuvre, ManoeuvreResult, Signal, ToggleResult};
use kneepoint_model::load::{LoadModel, LoadPhase};
use kneepoint_model::units::{Micros, PerSecond};
use kneepoint_stack::toggle::{Connections, Requests, Toggle};
use kneepoint_stack::{ProxySettings, Topology};

use super::bench::Bench;
use super::ground::{Ground, stand_as};
use super::pairs::not_run;
use super::requests::scenario;
use super::result;
use super::write::Book;
use crate::failure::Failure;

/// Visitors per second: well below what two workers can do, so that nothing is lost for want of capacity.
const RATE: PerSecond = PerSecond(30.0);
/// Visitors come this long; the manoeuvre begins after a while.
const LENGTH: Duration = Duration::from_secs(16);
const LEAD: Duration = Duration::from_secs(2);
/// What they ask for.
const PAGES: [&str; 2] = ["/catalogue/?page=3", "/books/7/"];

/// Makes the manoeuvre, and for contrast the crude restart.
pub(super) fn compare(
    which: Manoeuvre,
    toggle: &Toggle,
    place: &str,
    bench: &Bench<'_>,
    book: &mut Book,
) -> Result<ToggleResult, Failure> {
    let mut topology = Topology::named("nginx").map_err(|error| crate::stage::up::failure(&error))?;
    topology.proxy = Some(ProxySettings { cache: false, ..ProxySettings::default() });
    topology.servers = NonZeroU8::new(2).unwrap_or(NonZeroU8::MIN);
    (topology.workers, topology.rung) = (NonZeroU16::new(1), None);
    let mut seen = Vec::new();
    for (done, which) in (0..).zip([Manoeuvre::RestartHard, which]) {
        bench.progress(done, 2, &format!("{place}: {} under load", which.name()));
        let mut ground = match stand_as(&topology, &BTreeMap::new(), "a", &toggle.name, bench) {
            Ok(ground) => ground,
            Err(none) => return not_run(toggle, none, book),
        };
        book.versions(&ground.info().versions);
        let result = under_load(which, &mut ground, bench);
        ground.down()?;
        match result {
            Ok(result) => seen.push(result),
            Err(_) if bench.stop.cancel.is_set() => break,
            Err(why) => return Ok(result::not_run(toggle, why, "see the logs of the experiment".to_owned())),
        }
    }
    let [hard, careful] = seen.as_slice() else {
        return Ok(result::interrupted(toggle));
    };
    let ending = result::ending(manoeuvre_verdict(careful, hard), bench.stop.cancel.is_set());
    let mut result =
        result::special(toggle, Signal::Errors, "every server is killed at once", which.name(), ending);
    result.notes.push(format!("{RATE} visitors, two app servers behind nginx"));
    book.manoeuvres(seen);
    Ok(result)
}

fn under_load(which: Manoeuvre, ground: &mut Ground, bench: &Bench<'_>) -> Result<ManoeuvreResult, String> {
    let requests = Requests::Routes(PAGES.map(str::to_owned).to_vec());
    let asked = scenario(which.name(), &requests, Connections::KeepAlive, None);
    let asked = asked.map_err(|error| error.to_string())?;
    let base = ground.info().base_url.clone();
    let mut plan = PhasePlan::new("visitors", LoadModel::Open { rate: RATE }, base, vec![(asked, 1)]);
    (plan.options.think_scale, plan.options.seed) = (0.0, bench.stack.seed);
    let cancel = bench.stop.cancel.clone();
    let visitors = std::thread::Builder::new()
        .name("visitors".to_owned())
        .spawn(move || BlockLoad::new(plan)?.run(LENGTH, &cancel))
        .map_err(|error| error.to_string())?;
    bench.stop.cancel.sleep(LEAD);
    let began = Instant::now();
    let made = ground.manoeuvre(which, bench);
    let took = began.elapsed();
    let phase = visitors.join().map_err(|_| "the visitors' thread panicked".to_owned())?;
    let phase = phase.map_err(|error| error.to_string())?;
    let late = (LEAD + took > LENGTH).then(|| "it took longer than visitors came".to_owned());
    Ok(noticed(which, &phase, took, made.err().or(late)))
}

/// What visitors noticed. Pure.
fn noticed(which: Manoeuvre, phase: &LoadPhase, took: Duration, trouble: Option<String>) -> ManoeuvreResult {
    let how: BTreeMap<_, _> =
        phase.outcomes.iter().filter(|(outcome, _)| !outcome.is_ok()).map(|(o, n)| (*o, *n)).collect();
    ManoeuvreResult {
        manoeuvre: which,
        rate: RATE,
        requests: phase.requests,
        lost: how.values().sum(),
        how,
        response_us: phase.response_us,
        took_us: Micros::from_duration(took),
        trouble,
    }
}
