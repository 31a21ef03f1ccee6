//! Up: the reference stack is prepared and brought up, or a running site is looked at → `stack.json`, `logs/`.

use std::collections::BTreeMap;
use std::path::Path;

use kneepoint_model::run::names;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;
use kneepoint_model::tier::Tier;
use kneepoint_stack::compose::ComposeStack;
use kneepoint_stack::{AttachPlan, RunningStack, StackError, attach};

use crate::config::{SiteTarget, StackDriver, Target};
use crate::failure::Failure;
use crate::run::Run;

/// A stack that stands: ours, or somebody else's.
pub(crate) enum Standing {
    /// Started here; must be taken down.
    Native {
        /// The services.
        stack: Box<RunningStack>,
        /// Where they can be looked at.
        info: StackInfo,
    },
    /// Started here, in containers; must be taken down.
    Compose {
        /// The containers.
        stack: Box<ComposeStack>,
        /// Where they can be looked at.
        info: StackInfo,
    },
    /// Only looked at.
    Attached(StackInfo),
}

impl Standing {
    pub(crate) const fn info(&self) -> &StackInfo {
        match self {
            Self::Native { info, .. } | Self::Compose { info, .. } | Self::Attached(info) => info,
        }
    }
}

pub(crate) fn up(target: &Target, home: &Path, run: &mut Run) -> Result<Standing, Failure> {
    let standing = match target {
        Target::Reference(part) if part.driver == StackDriver::Compose => {
            crate::stage::compose::bring_up(part, home, run)?
        }
        Target::Reference(part) => crate::stage::native::bring_up(part, home, run)?,
        Target::Site(site) => Standing::Attached(look_at(site, run)?),
    };
    let info = standing.info();
    run.folder.write_json(names::STACK, info)?;
    run.manifest.topology.clone_from(&info.topology);
    run.manifest.target = format!("{}{}", info.base_url, info.via);
    run.manifest.versions.extend(info.versions.clone());
    run.note(Stage::Up, format!("{} at {}{}", info.topology, info.base_url, info.via));
    run.shutdown.check()?;
    Ok(standing)
}

fn look_at(site: &SiteTarget, run: &Run) -> Result<StackInfo, Failure> {
    let mut pids = BTreeMap::new();
    if !site.server_pids.is_empty() {
        pids.insert(Tier::Server, site.server_pids.clone());
    }
    let plan = AttachPlan {
        url: site.url.clone(),
        host_header: site.host_header.clone(),
        via: site.via.clone(),
        access_log: site.access_log.clone(),
        pids,
        pprof: site.pprof_url.clone(),
        status_url: None,
        consent: site.consent,
    };
    attach(&plan, &run.shutdown.cancel)
        .map_err(|e| if run.shutdown.cancel.is_cancelled() { run.shutdown.failure() } else { failure(&e) })
}

/// The exit code that belongs to what went wrong with the stack.
pub(crate) fn failure(error: &StackError) -> Failure {
    Failure::new(error.exit_code(), error)
}
