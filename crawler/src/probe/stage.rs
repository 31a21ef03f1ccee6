//! The stage: first every route's own cost, then the sizes, then the two visitors; what comes first is wanted most.

use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::probe::{ProbeResult, RouteProbe};
use kneepoint_model::run::FORMAT_VERSION;
use kneepoint_model::site::CrawledPage;
use kneepoint_model::stage::Stage;
use kneepoint_model::units::{Micros, UnixMillis};
use url::Url;

use super::alone;
use super::asker::{Asker, Over};
use super::choose::{Chosen, routes};
use super::plan::ProbePlan;
use super::{sizes, statements, visitors};
use crate::error::CrawlError;
use crate::http::{Answer, Client, ClientPlan, NoAnswer, Refusal};
use crate::runtime::block_on;
use crate::target::Target;

/// Looks at each route alone: one request at a time, no load.
///
/// When the time is over or `cancel` is set, the routes that were measured are returned; a warning says what is missing.
///
/// # Errors
/// When there is no page to ask for, the address cannot be used, or nobody is there.
pub fn probe(plan: &ProbePlan, cancel: &Cancel, events: &dyn EventSink) -> Result<ProbeResult, CrawlError> {
    block_on(async {
        let started = Instant::now();
        let target = Target::new(&plan.base_url, plan.host_header.as_deref())?;
        let client = Client::new(&ClientPlan {
            origin: target.base(),
            host_header: plan.host_header.as_deref(),
            via: &plan.via,
            user_agent: &plan.user_agent,
            timeout: plan.timeout,
            connections: 1,
        })?;
        let chosen = routes(&plan.site, plan.max_routes);
        if chosen.is_empty() {
            return Err(CrawlError::NothingToDo { action: "probe" });
        }
        let until = started + Duration::from_secs(plan.max_seconds);
        let asker = Asker::new(client, target, cancel, until);
        let mut work = Work { asker, events, chosen: chosen.len(), measured: Vec::new() };
        let complete = work.all(&chosen, plan.repeats.max(2)).await?;
        if complete.is_err() && !cancel.is_cancelled() {
            work.confess();
        }
        let probe_coverage = work.asker.probe_coverage();
        let mut found: Vec<RouteProbe> = work.measured.into_iter().map(|measured| measured.probe).collect();
        found.sort_by(|a, b| b.p50_us.cmp(&a.p50_us).then_with(|| a.route.cmp(&b.route)));
        Ok(ProbeResult {
            format_version: FORMAT_VERSION,
            routes: found,
            statements: plan.statements.as_deref().map(statements::load).unwrap_or_default(),
            probe_coverage,
            took_us: Micros::from_duration(started.elapsed()),
        })
    })?
}

struct Measured<'a> {
    probe: RouteProbe,
    page: &'a CrawledPage,
    last: Answer,
    finished: bool,
}

/// Answers to the same request.
#[derive(Default)]
struct Tally {
    asked: u32,
    good: Vec<Answer>,
}

/// The same page under an address that no cache can have: a parameter that the application does not know.
fn fresh(url: &Url, time: u32) -> Url {
    let mut url = url.clone();
    url.query_pairs_mut().append_pair("kneepoint-fresh", &format!("{}-{time}", UnixMillis::now().get()));
    url
}

struct Work<'a> {
    asker: Asker<'a>,
    events: &'a dyn EventSink,
    chosen: usize,
    measured: Vec<Measured<'a>>,
}

impl<'a> Work<'a> {
    /// The three passes; the inner result says whether there was time for all.
    async fn all(&mut self, chosen: &[Chosen<'a>], repeats: u32) -> Result<Result<(), Over>, CrawlError> {
        for (done, chosen) in chosen.iter().enumerate() {
            self.announce(done, &chosen.page.path, "alone");
            match self.alone(chosen, repeats).await? {
                Ok(()) => {}
                Err(over) => return Ok(Err(over)),
            }
        }
        Ok(self.closer().await)
    }

    async fn alone(&mut self, chosen: &Chosen<'a>, repeats: u32) -> Result<Result<(), Over>, CrawlError> {
        let path = &chosen.page.path;
        let Some(url) = self.asker.target.url(path) else { return Ok(Ok(())) };
        let mut tally = Tally::default();
        let mut over = self.repeat(&url, repeats, &mut tally, |url, _| url.clone()).await?;
        let mut own = Tally::default();
        if over.is_ok() && tally.good.last().is_some_and(|answer| answer.cache_outcome().is_hit()) {
            // A hit tells what the cache costs. What the route costs is behind it, and no cache has this address.
            over = self.repeat(&url, repeats, &mut own, fresh).await?;
        }
        let measured = if own.good.is_empty() { &tally } else { &own };
        let (asked, good) = (measured.asked, &measured.good);
        if let (Some(probe), Some(last)) =
            (alone::summary(&chosen.route, path, asked, good), tally.good.pop())
        {
            self.measured.push(Measured { probe, page: chosen.page, last, finished: false });
        } else if over.is_ok() {
            self.events
                .warn(Stage::Probe, &format!("{path} gave no good answer and was left out of the probing"));
        }
        Ok(over)
    }

    /// Asks for the same page again and again; the first time only warms the route up.
    async fn repeat(
        &mut self,
        url: &Url,
        repeats: u32,
        tally: &mut Tally,
        address: fn(&Url, u32) -> Url,
    ) -> Result<Result<(), Over>, CrawlError> {
        for time in 0..repeats {
            match self.asker.get(&address(url, time), None).await {
                Err(stop) => return Ok(Err(stop)),
                Ok(Err(NoAnswer::Connection { refusal: Refusal::NoConnection, why })) => {
                    return Err(CrawlError::Unreachable { origin: self.asker.target.origin(), why });
                }
                Ok(_) if time == 0 => {}
                Ok(answer) => {
                    tally.asked += 1;
                    tally.good.extend(answer.ok().filter(|answer| answer.status < 400));
                }
            }
        }
        Ok(Ok(()))
    }

    async fn closer(&mut self) -> Result<(), Over> {
        for at in 0..self.measured.len() {
            self.announce(at, &self.measured[at].page.path, "sizes");
            let measured = &mut self.measured[at];
            measured.probe.slope = sizes::slope(&mut self.asker, measured.page, &measured.last).await?;
        }
        for at in 0..self.measured.len() {
            self.announce(at, &self.measured[at].page.path, "two visitors");
            let measured = &mut self.measured[at];
            if let Some(url) = self.asker.target.url(&measured.page.path) {
                measured.probe.cache = visitors::test(&mut self.asker, &url).await?;
            }
            measured.finished = true;
        }
        Ok(())
    }

    fn announce(&self, done: usize, path: &str, what: &str) {
        let path: String = path.chars().take(60).collect();
        self.events.progress(Stage::Probe, done as u64, Some(self.chosen as u64), &format!("{path}: {what}"));
    }

    fn confess(&self) {
        let finished = self.measured.iter().filter(|measured| measured.finished).count();
        let message = format!(
            "the time for probing was over: of {} routes {} were measured and {finished} tested for caching; \
             give the stage more seconds or fewer routes",
            self.chosen,
            self.measured.len()
        );
        self.events.warn(Stage::Probe, &message);
    }
}
