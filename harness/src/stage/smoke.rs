//! Smoke: crawls the site → `site.json`. A broken page ends the run before any load.

use kneepoint_crawler::{CrawlError, CrawlPlan, crawl};
use kneepoint_model::exit::ExitCode;
use kneepoint_model::run::names;
use kneepoint_model::site::SiteMap;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;

use crate::config::RawCrawl;
use crate::failure::Failure;
use crate::run::Run;

/// Pages of the reference stack that robots.txt disallows or that no page links to.
const REFERENCE_PATHS: [&str; 5] =
    ["/accounts/login/", "/api/books/", "/cart/", "/healthz", "/search/?q=river"];

pub(crate) fn smoke(part: &RawCrawl, stack: &StackInfo, run: &mut Run) -> Result<SiteMap, Failure> {
    let site = crawl(&crawl_plan(part, stack), &run.shutdown.cancel, &*run.events)
        .map_err(|e| crawl_failure(&e, run))?;
    run.folder.write_json(names::SITE, &site)?;
    run.shutdown.check()?;
    let broken: Vec<_> = site.broken().map(|page| page.path.clone()).collect();
    run.note(Stage::Smoke, format!("{} pages, {} broken", site.pages.len(), broken.len()));
    if broken.is_empty() {
        return Ok(site);
    }
    let named = broken.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    Err(Failure::new(
        ExitCode::SmokeFailed,
        format!(
            "{} of {} pages are broken ({named}), so load was not started; fix them first",
            broken.len(),
            site.pages.len()
        ),
    ))
}

fn crawl_plan(part: &RawCrawl, stack: &StackInfo) -> CrawlPlan {
    let mut plan = CrawlPlan::new(stack.base_url.clone());
    plan.host_header.clone_from(&stack.host_header);
    plan.via.clone_from(&stack.via);
    plan.max_pages = part.max_pages.map_or(plan.max_pages, |n| n.0 as usize);
    plan.max_depth = part.max_depth.unwrap_or(plan.max_depth);
    plan.per_template = part.per_template.map_or(plan.per_template, |n| n.0);
    plan.concurrency = part.concurrency.map_or(plan.concurrency, |n| n.0 as usize);
    plan.timeout = part.timeout.map_or(plan.timeout, |t| t.0);
    plan.max_seconds = part.max_time.map_or(plan.max_seconds, |t| t.0.as_secs().max(1));
    plan.ignore = part.ignore.clone().unwrap_or_default();
    plan.extra_paths = part.paths.clone().unwrap_or_default();
    if stack.throw_away {
        plan.extra_paths.extend(REFERENCE_PATHS.map(str::to_owned));
    }
    plan
}

/// The failure of a crawl, a warm-up or a probe.
pub(crate) fn crawl_failure(error: &CrawlError, run: &Run) -> Failure {
    match error {
        CrawlError::Cancelled => run.shutdown.failure(),
        CrawlError::BadAddress { .. } | CrawlError::BadPlan { .. } => Failure::new(ExitCode::Usage, error),
        CrawlError::Unreachable { .. } | CrawlError::NothingToDo { .. } => {
            Failure::new(ExitCode::StackFailed, error)
        }
        CrawlError::Client(_) | CrawlError::Runtime(_) => Failure::internal(error),
    }
}
