//! From rung to rung: a run folder for each, the stack up and down again around its load. A rung that cannot be had here is
//! written down with the reason, and the climb goes on; only a wish to stop ends it.

use std::sync::Arc;

use kneepoint_model::exit::ExitCode;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;
use kneepoint_model::tier::Tier;
use kneepoint_model::unmeasured::Unmeasured;
use kneepoint_stack::{Database, Topology};

use super::drive::drive;
use super::store::Store;
use crate::announce::Announcer;
use crate::config::{Plan, StackPart, Target};
use crate::failure::Failure;
use crate::run::Run;
use crate::signals::Stop;
use crate::{pipeline, stage};

/// Climbs all rungs; what ends it early is given back, and written down.
pub(crate) fn climb(
    plan: &Plan,
    part: &StackPart,
    rungs: &[Topology],
    store: &mut Store,
    (events, stop): (&Arc<Announcer>, &Stop),
) -> Result<Option<Failure>, Failure> {
    for (at, topology) in rungs.iter().enumerate() {
        if stop.cancel.is_cancelled() {
            return stopped(store, stop.failure());
        }
        events.heading(&format!(
            "rung {} of {}: {} ({})",
            at + 1,
            rungs.len(),
            topology.name,
            topology.about
        ));
        let plan = plan_of(plan, part, topology);
        let mut run = Run::create(&plan, store.ladder.command.clone(), Arc::clone(events), stop.clone())?;
        store.ladder.rungs[at].run = Some(run.manifest.run_id.clone());
        store.save()?;
        let failure = measure(&plan, topology, store, &mut run).err();
        let ended = failure.as_ref().map(|f| Failure::new(f.exit, &f.message));
        pipeline::conclude(&plan, &mut run, ended)?;
        match failure {
            None => {}
            Some(failure) if failure.is_interruption() => return stopped(store, failure),
            Some(failure) => {
                store.ladder.rungs[at].failed = Some(reason(&topology.name, &failure));
                store.save()?;
            }
        }
    }
    store.ladder.complete = true;
    store.save()?;
    Ok(None)
}

fn stopped(store: &mut Store, failure: Failure) -> Result<Option<Failure>, Failure> {
    store.ladder.stopped_by = Some(failure.message.clone());
    store.save()?;
    Ok(Some(failure))
}

fn plan_of(plan: &Plan, part: &StackPart, topology: &Topology) -> Plan {
    let part = StackPart { topology: topology.name.clone(), ..part.clone() };
    Plan { target: Target::Reference(part), ..plan.clone() }
}

fn reason(name: &str, failure: &Failure) -> Unmeasured {
    Unmeasured {
        what: format!("rung {name}"),
        why: failure.message.clone(),
        fix: format!(
            "mend that (`kneepoint doctor` says what else is missing), then: kneepoint ladder {name}"
        ),
    }
}

/// `up → smoke → warm → load → down`; whatever stops it, the stack is taken down.
fn measure(plan: &Plan, topology: &Topology, store: &mut Store, run: &mut Run) -> Result<(), Failure> {
    let standing = run.stage(Stage::Up, |run| stage::up::up(&plan.target, &plan.home, run))?;
    let seen = look(plan, topology, standing.info(), store, run);
    let gone = run.stage(Stage::Down, |run| stage::down::down(standing, run));
    seen.and(gone)
}

fn look(
    plan: &Plan,
    topology: &Topology,
    stack: &StackInfo,
    store: &mut Store,
    run: &mut Run,
) -> Result<(), Failure> {
    whole(topology, stack)?;
    let site = run.stage(Stage::Smoke, |run| stage::smoke::smoke(&plan.crawl, stack, run))?;
    run.stage(Stage::Warm, |run| stage::warm::warm(plan.warm, stack, &site, run))?;
    run.skip(Stage::Probe)?;
    run.stage(Stage::Load, |run| drive((&plan.ladder, &plan.load), stack, &site, store, run))?;
    run.skip(Stage::Profile)
}

/// A rung stands with every tier that its name promises, or it is not that rung: nothing may be called `db-apart` that
/// has no database apart.
fn whole(topology: &Topology, stack: &StackInfo) -> Result<(), Failure> {
    let missing: Vec<&str> =
        promised(topology).into_iter().filter(|tier| stack.tier(*tier).is_none()).map(Tier::name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        ExitCode::MissingTool,
        format!(
            "the {} driver brought {} up without its {}: that is another rung, so it was not measured",
            stack.driver.name(),
            topology.name,
            missing.join(", ")
        ),
    ))
}

fn promised(topology: &Topology) -> Vec<Tier> {
    let mut tiers = vec![Tier::Server];
    let of = [
        (topology.proxy.is_some() || topology.balancer.is_some(), Tier::Proxy),
        (topology.engine, Tier::Engine),
        (matches!(topology.db, Some(Database::Mysql | Database::Mariadb)), Tier::Db),
        (topology.cache.is_some(), Tier::Cache),
        (topology.queue, Tier::Queue),
        (topology.objects, Tier::Objects),
    ];
    tiers.extend(of.into_iter().filter(|(asked, _)| *asked).map(|(_, tier)| tier));
    tiers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rung_promises_the_tiers_that_make_it_that_rung() {
        let of = |name: &str| promised(&Topology::named(name).expect("a rung"));
        assert_eq!(of("runserver"), [Tier::Server, Tier::Engine]);
        assert!(of("db-apart").contains(&Tier::Db) && !of("nginx").contains(&Tier::Db));
        assert!(of("balanced-lb").contains(&Tier::Proxy) && of("object-storage").contains(&Tier::Objects));
        assert!([Tier::Cache, Tier::Queue].iter().all(|tier| of("queued").contains(tier)));
    }
}
