//! Runs the rungs: a run folder for each, the stack up and down again around its load. A rung that cannot run here is
//! recorded with the reason, and the next one follows; only a shutdown request ends the ladder run.

use std::sync::Arc;

use kneepoint_model::exit::ExitCode;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;
use kneepoint_model::tier::Tier;
use kneepoint_model::unmeasured::Unmeasured;
use kneepoint_stack::{Database, Topology};

use super::rung_load::load_rung;
use super::store::LadderStore;
use crate::announce::Announcer;
use crate::config::{Plan, StackPart, Target};
use crate::failure::Failure;
use crate::run::Run;
use crate::signals::Shutdown;
use crate::{pipeline, stage};

/// Runs all rungs. A shutdown request is recorded in the ladder folder and returned as `Some`.
pub(crate) fn run_ladder(
    plan: &Plan,
    part: &StackPart,
    rungs: &[Topology],
    store: &mut LadderStore,
    (events, shutdown): (&Arc<Announcer>, &Shutdown),
) -> Result<Option<Failure>, Failure> {
    for (at, topology) in rungs.iter().enumerate() {
        if shutdown.cancel.is_cancelled() {
            return record_stop(store, shutdown.failure());
        }
        events.announce_heading(&format!(
            "rung {} of {}: {} ({})",
            at + 1,
            rungs.len(),
            topology.name,
            topology.about
        ));
        let plan = plan_for_rung(plan, part, topology);
        let mut run = Run::create(&plan, store.ladder.command.clone(), Arc::clone(events), shutdown.clone())?;
        store.ladder.rungs[at].run = Some(run.manifest.run_id.clone());
        store.save()?;
        let failure = run_rung(&plan, topology, store, &mut run).err();
        let ended = failure.as_ref().map(|f| Failure::new(f.exit, &f.message));
        pipeline::conclude(&plan, &mut run, ended)?;
        match failure {
            None => {}
            Some(failure) if failure.is_interruption() => return record_stop(store, failure),
            Some(failure) => {
                store.ladder.rungs[at].failed = Some(failure_reason(&topology.name, &failure));
                store.save()?;
            }
        }
    }
    store.ladder.complete = true;
    store.save()?;
    Ok(None)
}

fn record_stop(store: &mut LadderStore, failure: Failure) -> Result<Option<Failure>, Failure> {
    store.ladder.stopped_by = Some(failure.message.clone());
    store.save()?;
    Ok(Some(failure))
}

fn plan_for_rung(plan: &Plan, part: &StackPart, topology: &Topology) -> Plan {
    let part = StackPart { topology: topology.name.clone(), ..part.clone() };
    Plan { target: Target::Reference(part), ..plan.clone() }
}

fn failure_reason(name: &str, failure: &Failure) -> Unmeasured {
    Unmeasured {
        what: format!("rung {name}"),
        why: failure.message.clone(),
        fix: format!(
            "fix the cause (`kneepoint doctor` lists what else is missing), then: kneepoint ladder {name}"
        ),
    }
}

/// `up → smoke → warm → load → down`; whatever stops it, the stack is taken down.
fn run_rung(plan: &Plan, topology: &Topology, store: &mut LadderStore, run: &mut Run) -> Result<(), Failure> {
    let stack = run.run_stage(Stage::Up, |run| stage::up::up(&plan.target, &plan.home, run))?;
    let observed = run_observed_stages(plan, topology, stack.info(), store, run);
    let stopped = run.run_stage(Stage::Down, |run| stage::down::down(stack, run));
    observed.and(stopped)
}

fn run_observed_stages(
    plan: &Plan,
    topology: &Topology,
    stack: &StackInfo,
    store: &mut LadderStore,
    run: &mut Run,
) -> Result<(), Failure> {
    check_tiers(topology, stack)?;
    let site = run.run_stage(Stage::Smoke, |run| stage::smoke::smoke(&plan.crawl, stack, run))?;
    run.run_stage(Stage::Warm, |run| stage::warm::warm(plan.warm, stack, &site, run))?;
    run.skip_stage(Stage::Probe)?;
    run.run_stage(Stage::Load, |run| load_rung((&plan.ladder, &plan.load), stack, &site, store, run))?;
    run.skip_stage(Stage::Profile)
}

/// Fails when a tier of the rung is missing: it would be another rung, e.g. `db-apart` without a database server.
fn check_tiers(topology: &Topology, stack: &StackInfo) -> Result<(), Failure> {
    let missing: Vec<&str> = required_tiers(topology)
        .into_iter()
        .filter(|tier| stack.tier(*tier).is_none())
        .map(Tier::name)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        ExitCode::MissingTool,
        format!(
            "the {} driver brought {} up without {}: that is another rung, so it was not measured",
            stack.driver.name(),
            topology.name,
            missing.join(", ")
        ),
    ))
}

fn required_tiers(topology: &Topology) -> Vec<Tier> {
    let mut tiers = vec![Tier::Server];
    let optional = [
        (topology.proxy.is_some() || topology.balancer.is_some(), Tier::Proxy),
        (topology.engine, Tier::Engine),
        (matches!(topology.db, Some(Database::Mysql | Database::Mariadb)), Tier::Db),
        (topology.cache.is_some(), Tier::Cache),
        (topology.queue, Tier::Queue),
        (topology.objects, Tier::Objects),
    ];
    tiers.extend(optional.into_iter().filter(|(is_required, _)| *is_required).map(|(_, tier)| tier));
    tiers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rung_requires_the_tiers_that_define_it() {
        let tiers_of = |name: &str| required_tiers(&Topology::named(name).expect("a rung"));
        assert_eq!(tiers_of("runserver"), [Tier::Server, Tier::Engine]);
        assert!(tiers_of("db-apart").contains(&Tier::Db) && !tiers_of("nginx").contains(&Tier::Db));
        assert!(
            tiers_of("balanced-lb").contains(&Tier::Proxy)
                && tiers_of("object-storage").contains(&Tier::Objects)
        );
        assert!([Tier::Cache, Tier::Queue].iter().all(|tier| tiers_of("queued").contains(tier)));
    }
}
