//! Warm: the heaviest pages, until response times are flat → `warm.json`.

use kneepoint_crawler::{WarmPlan, warm as warm_site, warm_order};
use kneepoint_model::run::names;
use kneepoint_model::site::SiteMap;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;
use kneepoint_model::tier::Tier;

use crate::config::WarmPart;
use crate::failure::Failure;
use crate::run::Run;
use crate::stage::smoke::failure;

pub(crate) fn warm(part: WarmPart, stack: &StackInfo, site: &SiteMap, run: &mut Run) -> Result<(), Failure> {
    let mut plan = WarmPlan::new(stack.base_url.clone(), warm_order(site, part.pages));
    plan.host_header.clone_from(&stack.host_header);
    plan.via.clone_from(&stack.via);
    plan.max_rounds = part.max_rounds;
    plan.max_seconds = part.max_time.as_secs().max(1);
    let workers = stack.tier(Tier::Server).and_then(|tier| tier.concurrency);
    plan.concurrency = workers.map_or(plan.concurrency, |n| (n as usize).clamp(2, 32));
    let result = warm_site(&plan, &run.stop.cancel, &*run.events).map_err(|e| failure(&e, run))?;
    run.folder.write_json(names::WARM, &result)?;
    let flat = if result.steady { "flat" } else { "not yet flat" };
    run.note(Stage::Warm, format!("{} pages, {} rounds, {flat}", result.pages.len(), result.rounds.len()));
    run.stop.check()
}
