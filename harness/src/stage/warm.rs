//! Warm: requests the heaviest pages until response times reach a steady state → `warm.json`.

use kneepoint_crawler::{WarmPlan, warm as warm_site, warm_order};
use kneepoint_model::run::names;
use kneepoint_model::site::SiteMap;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;
use kneepoint_model::tier::Tier;

use crate::config::WarmPart;
use crate::failure::Failure;
use crate::run::Run;
use crate::stage::smoke::crawl_failure;

pub(crate) fn warm(part: WarmPart, stack: &StackInfo, site: &SiteMap, run: &mut Run) -> Result<(), Failure> {
    let mut plan = WarmPlan::new(stack.base_url.clone(), warm_order(site, part.pages));
    plan.host_header.clone_from(&stack.host_header);
    plan.via.clone_from(&stack.via);
    plan.max_rounds = part.max_rounds;
    plan.max_seconds = part.max_time.as_secs().max(1);
    let workers = stack.tier(Tier::Server).and_then(|tier| tier.concurrency);
    plan.concurrency = workers.map_or(plan.concurrency, |n| (n as usize).clamp(2, 32));
    let result = warm_site(&plan, &run.shutdown.cancel, &*run.events).map_err(|e| crawl_failure(&e, run))?;
    run.folder.write_json(names::WARM, &result)?;
    let state = if result.steady { "steady state reached" } else { "no steady state yet" };
    run.note(Stage::Warm, format!("{} pages, {} rounds, {state}", result.pages.len(), result.rounds.len()));
    run.shutdown.check()
}
