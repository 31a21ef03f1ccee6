//! Up: the reference stack is brought up, or a running site is attached to → `stack.json`, `logs/`.

use std::collections::BTreeMap;
use std::path::Path;

use kneepoint_model::run::names;
use kneepoint_model::stage::Stage;
use kneepoint_model::tier::Tier;
use kneepoint_stack::{AttachPlan, Stack, StackError};

use crate::config::{SiteTarget, StackPart, Target};
use crate::failure::Failure;
use crate::run::Run;
use crate::stage::reference::reference_plan;

pub(crate) fn up(target: &Target, home: &Path, run: &mut Run) -> Result<Stack, Failure> {
    let stack = match target {
        Target::Reference(part) => bring_up(part, home, run)?,
        Target::Site(site) => {
            let attached = Stack::attach(&attach_plan(site), &run.shutdown.cancel);
            attached.map_err(|e| interruption_or(e, run))?
        }
    };
    let info = stack.info();
    run.folder.write_json(names::STACK, info)?;
    run.manifest.topology.clone_from(&info.topology);
    run.manifest.target = format!("{}{}", info.base_url, info.via);
    run.manifest.versions.extend(info.versions.clone());
    run.note(Stage::Up, format!("{} at {}{}", info.topology, info.base_url, info.via));
    run.shutdown.check()?;
    Ok(stack)
}

/// As a part of this run: the stack ends with this process, whatever ends it.
fn bring_up(part: &StackPart, home: &Path, run: &mut Run) -> Result<Stack, Failure> {
    let plan = reference_plan(part, home, Some(run.folder.path(names::LOGS)))?;
    // Recorded before the stack is up, so that a run without a stack names it too.
    run.add_unmeasured(plan.resolve_topology()?.1);
    let stack =
        Stack::bring_up(&plan, &run.shutdown.cancel, &*run.events).map_err(|e| interruption_or(e, run))?;
    run.add_unmeasured(stack.unmeasured().to_vec());
    Ok(stack)
}

fn attach_plan(site: &SiteTarget) -> AttachPlan {
    let mut pids = BTreeMap::new();
    if !site.server_pids.is_empty() {
        pids.insert(Tier::Server, site.server_pids.clone());
    }
    AttachPlan {
        url: site.url.clone(),
        host_header: site.host_header.clone(),
        via: site.via.clone(),
        access_log: site.access_log.clone(),
        pids,
        pprof: site.pprof_url.clone(),
        status_url: None,
        consent: site.consent,
    }
}

fn interruption_or(error: StackError, run: &Run) -> Failure {
    if run.shutdown.cancel.is_cancelled() { run.shutdown.failure() } else { error.into() }
}
