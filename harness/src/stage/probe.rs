//! Probe: measures each route by itself → `probe.json`.

use std::path::PathBuf;

use kneepoint_crawler::{ProbePlan, probe as probe_site};
use kneepoint_model::run::names;
use kneepoint_model::site::SiteMap;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;
use kneepoint_model::units::Ratio;
use kneepoint_model::unmeasured::Unmeasured;

use crate::config::ProbePart;
use crate::failure::Failure;
use crate::run::Run;
use crate::stage::smoke::crawl_failure;

pub(crate) fn probe(
    part: ProbePart,
    stack: &StackInfo,
    site: &SiteMap,
    run: &mut Run,
) -> Result<(), Failure> {
    let mut plan = ProbePlan::new(stack.base_url.clone(), site.clone());
    plan.host_header.clone_from(&stack.host_header);
    plan.via.clone_from(&stack.via);
    plan.statements = stack.statements.as_ref().map(PathBuf::from);
    plan.repeats = part.repeats;
    plan.max_routes = part.max_routes;
    plan.max_seconds = part.max_time.as_secs().max(1);
    let result = probe_site(&plan, &run.shutdown.cancel, &*run.events).map_err(|e| crawl_failure(&e, run))?;
    run.folder.write_json(names::PROBE, &result)?;
    run.note(Stage::Probe, format!("{} routes", result.routes.len()));
    if result.probe_coverage.is_none_or(|share| share <= Ratio(0.0)) {
        run.add_unmeasured([Unmeasured {
            what: "time per request split into application, database, cache and engine; statements per request".to_owned(),
            why: "the site sends no Server-Timing header".to_owned(),
            fix: "for a Django site, add the probe of profiler/probes/django: DJANGO_SETTINGS_MODULE=kneepoint_django.overlay (see its README)".to_owned(),
        }]);
    }
    run.shutdown.check()
}
