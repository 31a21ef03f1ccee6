//! The probe stage: the cost of every route, then list sizes, then the two-user test; the most valuable results come
//! first.

use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::probe::{ProbeResult, RouteProbe};
use kneepoint_model::run::FORMAT_VERSION;
use kneepoint_model::site::CrawledPage;
use kneepoint_model::stage::Stage;
use kneepoint_model::text::clip;
use kneepoint_model::units::{Micros, UnixMillis};
use url::Url;

use super::plan::ProbePlan;
use super::probe_client::{ProbeClient, ProbeEnded};
use super::route_cost;
use super::route_selection::{SelectedRoute, select_routes};
use super::{n_plus_one_test, statements, two_user_test};
use crate::error::CrawlError;
use crate::http::{Client, ClientPlan, ConnectionFailure, ExchangeError, Response};
use crate::runtime::block_on;
use crate::target::Target;

/// Measures each route in isolation: one request at a time, no load.
///
/// When the time is over or `cancel` is set, the routes measured so far are returned and a warning names what is
/// missing.
///
/// # Errors
/// There is no page to request, the URL is not usable, or the site is unreachable.
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
        let chosen = select_routes(&plan.site, plan.max_routes);
        if chosen.is_empty() {
            return Err(CrawlError::NothingToDo { action: "probe" });
        }
        let until = started + Duration::from_secs(plan.max_seconds);
        let client = ProbeClient::new(client, target, cancel, until);
        let mut run = ProbeRun { client, events, chosen: chosen.len(), measured: Vec::new() };
        let complete = run.measure_all(&chosen, plan.repeats.max(2)).await?;
        if complete.is_err() && !cancel.is_cancelled() {
            run.warn_incomplete();
        }
        let probe_coverage = run.client.instrumented_share();
        let mut found: Vec<RouteProbe> = run.measured.into_iter().map(|measured| measured.probe).collect();
        found.sort_by(|a, b| b.p50_us.cmp(&a.p50_us).then_with(|| a.route.cmp(&b.route)));
        Ok(ProbeResult {
            format_version: FORMAT_VERSION,
            routes: found,
            statements: plan.statements.as_deref().map(statements::load_statements).unwrap_or_default(),
            probe_coverage,
            took_us: Micros::from_duration(started.elapsed()),
        })
    })?
}

struct MeasuredRoute<'a> {
    probe: RouteProbe,
    page: &'a CrawledPage,
    last: Response,
    finished: bool,
}

/// Responses to the same request, and how many requests were sent.
#[derive(Default)]
struct RepeatedResponses {
    requests: u32,
    good: Vec<Response>,
}

/// Adds a parameter that the application ignores, so that no cache holds the URL.
fn with_cache_buster(url: &Url, time: u32) -> Url {
    let mut url = url.clone();
    url.query_pairs_mut().append_pair("kneepoint-fresh", &format!("{}-{time}", UnixMillis::now().get()));
    url
}

struct ProbeRun<'a> {
    client: ProbeClient<'a>,
    events: &'a dyn EventSink,
    chosen: usize,
    measured: Vec<MeasuredRoute<'a>>,
}

impl<'a> ProbeRun<'a> {
    /// Runs the three passes; the inner result is an error when the time was over.
    async fn measure_all(
        &mut self,
        chosen: &[SelectedRoute<'a>],
        repeats: u32,
    ) -> Result<Result<(), ProbeEnded>, CrawlError> {
        for (done, chosen) in chosen.iter().enumerate() {
            self.announce(done, &chosen.page.path, "in isolation");
            match self.measure_route(chosen, repeats).await? {
                Ok(()) => {}
                Err(ended) => return Ok(Err(ended)),
            }
        }
        Ok(self.test_sizes_and_caching().await)
    }

    async fn measure_route(
        &mut self,
        chosen: &SelectedRoute<'a>,
        repeats: u32,
    ) -> Result<Result<(), ProbeEnded>, CrawlError> {
        let path = &chosen.page.path;
        let Some(url) = self.client.target.url(path) else { return Ok(Ok(())) };
        let mut plain = RepeatedResponses::default();
        let mut ended = self.request_repeatedly(&url, repeats, &mut plain, |url, _| url.clone()).await?;
        let mut uncached = RepeatedResponses::default();
        if ended.is_ok() && plain.good.last().is_some_and(|response| response.cache_outcome().is_hit()) {
            // A hit measures the cache. The route itself is measured with a URL that no cache holds.
            ended = self.request_repeatedly(&url, repeats, &mut uncached, with_cache_buster).await?;
        }
        let measured = if uncached.good.is_empty() { &plain } else { &uncached };
        let (requests, good) = (measured.requests, &measured.good);
        if let (Some(probe), Some(last)) =
            (route_cost::summarize(&chosen.route, path, requests, good), plain.good.pop())
        {
            self.measured.push(MeasuredRoute { probe, page: chosen.page, last, finished: false });
        } else if ended.is_ok() {
            self.events
                .warn(Stage::Probe, &format!("{path} returned no successful response and is not probed"));
        }
        Ok(ended)
    }

    /// Requests the same page several times; the first request only warms up.
    async fn request_repeatedly(
        &mut self,
        url: &Url,
        repeats: u32,
        responses: &mut RepeatedResponses,
        address: fn(&Url, u32) -> Url,
    ) -> Result<Result<(), ProbeEnded>, CrawlError> {
        for time in 0..repeats {
            match self.client.get(&address(url, time), None).await {
                Err(ended) => return Ok(Err(ended)),
                Ok(Err(ExchangeError::Connection { failure: ConnectionFailure::NotConnected, why })) => {
                    return Err(CrawlError::Unreachable { origin: self.client.target.origin(), why });
                }
                Ok(_) if time == 0 => {}
                Ok(response) => {
                    responses.requests += 1;
                    responses.good.extend(response.ok().filter(|response| response.status < 400));
                }
            }
        }
        Ok(Ok(()))
    }

    async fn test_sizes_and_caching(&mut self) -> Result<(), ProbeEnded> {
        for at in 0..self.measured.len() {
            self.announce(at, &self.measured[at].page.path, "list sizes");
            let measured = &mut self.measured[at];
            measured.probe.slope =
                n_plus_one_test::measure_slope(&mut self.client, measured.page, &measured.last).await?;
        }
        for at in 0..self.measured.len() {
            self.announce(at, &self.measured[at].page.path, "two users");
            let measured = &mut self.measured[at];
            if let Some(url) = self.client.target.url(&measured.page.path) {
                measured.probe.cache = two_user_test::test_shared_caching(&mut self.client, &url).await?;
            }
            measured.finished = true;
        }
        Ok(())
    }

    fn announce(&self, done: usize, path: &str, what: &str) {
        let path = clip(path, 60);
        self.events.progress(Stage::Probe, done as u64, Some(self.chosen as u64), &format!("{path}: {what}"));
    }

    fn warn_incomplete(&self) {
        let finished = self.measured.iter().filter(|measured| measured.finished).count();
        let message = format!(
            "the probe ran out of time: of {} routes {} were measured and {finished} tested for caching; \
             give the stage more seconds or fewer routes",
            self.chosen,
            self.measured.len()
        );
        self.events.warn(Stage::Probe, &message);
    }
}
