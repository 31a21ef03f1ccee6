//! What all requests of a phase share: the plan made ready, the recorder, and the gauges.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERER,
    USER_AGENT,
};
use http::uri::PathAndQuery;
use kneepoint_model::load::LoadModel;
use kneepoint_scenarios::{Encoding, Method, Scenario, Secret, SessionScope, Step, Template, UserContext};
use tokio::sync::Semaphore;

use crate::coded::Journey;
use crate::coding::{Packing, offered};
use crate::cookies::Jar;
use crate::error::LoadError;
use crate::health::Threads;
use crate::picker::Picker;
use crate::plan::PhasePlan;
use crate::recorder::{Endpoint, Recorder, assets_name, endpoints_of, groups_of, number_of};
use crate::site::Site;
use crate::transport::{Lines, Target};
use crate::window::Window;

/// Everything shared; lives as long as the phase.
pub(crate) struct World {
    pub(crate) plan: PhasePlan,
    pub(crate) window: Window,
    pub(crate) site: Site,
    pub(crate) target: Target,
    pub(crate) recorder: Recorder,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) picker: Picker,
    /// Who is there when, in the closed model.
    pub(crate) crowd: UserSchedule,
    pub(crate) ready: Vec<Vec<ReadyStep>>,
    /// By journey in Rust.
    pub(crate) coded: Vec<ReadyCoded>,
    /// Slots for requests in flight, in the open model.
    pub(crate) slots: Option<Semaphore>,
    pub(crate) threads: Threads,
    /// Journeys begun, for numbering.
    pub(crate) journeys: AtomicU64,
    /// The same, by scenario.
    pub(crate) turns: Vec<AtomicU64>,
    /// By scenario: how many feeds those before it have.
    pub(crate) feeds_before: Vec<usize>,
    /// Picks made (closed) or visitors (open), for numbering.
    pub(crate) visitors: AtomicU64,
    /// goose users, for numbering.
    pub(crate) users: AtomicU64,
    /// Ways to write what must not be kept; empty where nothing comes from the environment.
    pub(crate) secrets: Vec<String>,
    pub(crate) in_flight: AtomicI64,
    pub(crate) local_faults: AtomicU64,
    /// Cookies of the clients of a log that is replayed, by their number; none otherwise.
    pub(crate) jars: Vec<Mutex<Jar>>,
    /// Set when nothing may wait any longer.
    pub(crate) abort: AtomicBool,
    /// What is wrong with a journey in Rust, and so with all figures.
    fault: Mutex<Option<LoadError>>,
}

/// A step with everything done that need not be done for each request.
pub(crate) struct ReadyStep {
    pub(crate) endpoint: usize,
    /// The group that it belongs to.
    pub(crate) group: Option<usize>,
    pub(crate) method: http::Method,
    /// The path, when it is always the same.
    pub(crate) path: Option<PathAndQuery>,
    /// Headers that are always the same.
    pub(crate) fixed: Lines,
    /// The same without those of a body: for the GET that a redirect asks for.
    pub(crate) fixed_without_body: Lines,
    /// Headers with placeholders.
    pub(crate) varying: Vec<(HeaderName, Template)>,
    /// Whether the body of the answer is kept: to be looked at, or because only unpacking it tells its size.
    pub(crate) keeps_body: bool,
    /// Whether the scenario itself says where the visitor comes from.
    pub(crate) says_referer: bool,
    pub(crate) says_origin: bool,
    /// When the page is loaded with its assets.
    pub(crate) page: Option<ReadyPage>,
}

/// A journey in Rust with everything done that need not be done for each request.
pub(crate) struct ReadyCoded {
    pub(crate) name: String,
    /// Names that it declared, with their numbers among all.
    endpoints: Vec<(String, usize)>,
    /// Headers of all its requests.
    pub(crate) headers: HeaderMap,
    /// The same, written.
    pub(crate) fixed: Lines,
}

impl ReadyCoded {
    fn new(
        plan: &PhasePlan,
        site: &Site,
        own: &dyn Journey,
        all: &mut Vec<Endpoint>,
    ) -> Result<Self, LoadError> {
        let name = own.name().to_owned();
        let endpoints: Vec<String> = own.endpoints();
        if endpoints.is_empty() || endpoints.iter().any(|name| name.trim().is_empty() || name.len() > 120) {
            let problem = "it must declare at least one endpoint, each of 1 to 120 characters".to_owned();
            return Err(LoadError::Journey { journey: name, problem });
        }
        let headers = common_headers(plan, site)
            .map_err(|problem| LoadError::Plan { phase: plan.name.clone(), problem })?;
        let endpoints = endpoints.into_iter().map(|name| {
            let number = number_of(all, &name);
            (name, number)
        });
        Ok(Self { endpoints: endpoints.collect(), fixed: Lines::of(&headers), headers, name })
    }

    /// Number of an endpoint that was declared.
    pub(crate) fn endpoint(&self, name: &str) -> Option<usize> {
        self.endpoints.iter().find(|(own, _)| own == name).map(|(_, number)| *number)
    }
}

/// What the assets of a page have in common.
pub(crate) struct ReadyPage {
    /// Of the assets.
    pub(crate) endpoint: usize,
    /// Headers of their requests: those of the page that are always the same, but for what the page itself is wanted as.
    pub(crate) fixed: Lines,
}

impl World {
    pub(crate) fn new(
        plan: &PhasePlan,
        window: Window,
        target: Target,
        slots: usize,
    ) -> Result<Self, LoadError> {
        let site = Site::new(&plan.base_url, plan.host_header.as_deref());
        let (mut endpoints, numbers) = endpoints_of(&plan.scenarios);
        let coded: Result<_, _> = plan
            .journeys
            .iter()
            .map(|(own, _)| ReadyCoded::new(plan, &site, own.as_ref(), &mut endpoints))
            .collect();
        let mut ready = Vec::new();
        for ((scenario, _), numbers) in plan.scenarios.iter().zip(numbers) {
            ready.push(ready_steps(plan, &site, scenario, &endpoints, &numbers)?);
        }
        let (_, groups) = groups_of(&plan.scenarios);
        for (step, group) in ready.iter_mut().flatten().zip(groups.into_iter().flatten()) {
            step.group = group;
        }
        let stage_ends = plan.stage_ends().into_iter().map(|end| window.from + end).collect();
        Ok(Self {
            window,
            site,
            target,
            recorder: Recorder::new(window, stage_ends, endpoints.len()),
            endpoints,
            picker: Picker::new(&plan.weights()),
            crowd: plan.crowd(),
            ready,
            coded: coded?,
            slots: matches!(plan.model, LoadModel::Open { .. }).then(|| Semaphore::new(slots)),
            threads: Threads::default(),
            journeys: AtomicU64::new(0),
            turns: plan.scenarios.iter().map(|_| AtomicU64::new(0)).collect(),
            feeds_before: plan
                .scenarios
                .iter()
                .scan(0, |before, (scenario, _)| {
                    let own = *before;
                    *before += scenario.feeds().count();
                    Some(own)
                })
                .collect(),
            visitors: AtomicU64::new(0),
            users: AtomicU64::new(0),
            secrets: plan
                .scenarios
                .iter()
                .flat_map(|(scenario, _)| scenario.secrets())
                .flat_map(Secret::url_forms)
                .collect(),
            in_flight: AtomicI64::new(0),
            local_faults: AtomicU64::new(0),
            jars: (0..plan.replay.as_ref().map_or(0, |recorded| recorded.log.client_count()))
                .map(|_| Mutex::default())
                .collect(),
            abort: AtomicBool::new(false),
            fault: Mutex::new(None),
            plan: plan.clone(),
        })
    }

    pub(crate) fn scenario(&self, at: usize) -> &Scenario {
        &self.plan.scenarios[at].0
    }
    /// An address as it may be kept: one that holds a secret (a site can redirect to such a one) is not.
    pub(crate) fn kept<'a>(&self, path: &'a str) -> &'a str {
        if self.secrets.iter().any(|secret| path.contains(secret.as_str())) {
            return "/(not-kept-because-it-holds-a-secret)";
        }
        path
    }
    /// How long a visitor keeps cookies, by what the visitor does.
    pub(crate) fn session_of(&self, way: usize) -> SessionScope {
        match way.checked_sub(self.plan.scenarios.len()) {
            None => self.plan.scenarios[way].0.session(),
            Some(coded) => self.plan.journeys[coded].0.session(),
        }
    }
    /// Stops the phase, because what a journey in Rust does is no load that was planned. The first fault is told.
    pub(crate) fn fault(&self, journey: &str, problem: &str) {
        let fault = LoadError::Journey { journey: journey.to_owned(), problem: problem.to_owned() };
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
        self.abort.store(true, Ordering::Relaxed);
    }
    /// The fault that stopped it.
    pub(crate) fn take_fault(&self) -> Result<(), LoadError> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
    pub(crate) fn aborted(&self) -> bool {
        self.abort.load(Ordering::Relaxed)
    }
    pub(crate) fn in_flight(&self) -> u64 {
        u64::try_from(self.in_flight.load(Ordering::Relaxed)).unwrap_or_default()
    }
}

/// What every request says.
fn common_headers(plan: &PhasePlan, site: &Site) -> Result<HeaderMap, String> {
    let value = |text: &str| {
        HeaderValue::from_str(text).map_err(|_| "a header value has forbidden characters".to_owned())
    };
    let mut common = HeaderMap::new();
    common.insert(HOST, value(site.host())?);
    common.insert(USER_AGENT, value(&plan.user_agent)?);
    common.insert(ACCEPT, HeaderValue::from_static("*/*"));
    common.insert(ACCEPT_ENCODING, value(&offered(&plan.accept_encoding))?);
    Ok(common)
}

fn ready_steps(
    plan: &PhasePlan,
    site: &Site,
    scenario: &Scenario,
    endpoints: &[Endpoint],
    numbers: &[usize],
) -> Result<Vec<ReadyStep>, LoadError> {
    let wrong = |what: &str| LoadError::Plan {
        phase: plan.name.clone(),
        problem: format!("scenario `{}`: {what}", scenario.name()),
    };
    let value = |text: &str| {
        HeaderValue::from_str(text).map_err(|_| wrong("a header value has forbidden characters"))
    };
    let common = common_headers(plan, site).map_err(|what| wrong(&what))?;
    let one = |(step, endpoint): (&Step, &usize)| {
        let mut headers = common.clone();
        let mut varying = Vec::new();
        if let Some(kind) = step.body().content_type() {
            headers.insert(CONTENT_TYPE, value(kind)?);
        }
        for (name, template) in step.headers() {
            let name =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("a header name is not one"))?;
            if let Some(text) = template.constant() {
                headers.insert(name, value(text)?);
            } else {
                headers.remove(&name);
                varying.push((name, template.clone()));
            }
        }
        let says = |wanted: &HeaderName| {
            headers.contains_key(wanted) || varying.iter().any(|(name, _)| name == wanted)
        };
        let (says_referer, says_origin) = (says(&REFERER), says(&ORIGIN));
        let keeps_body = step.needs_body() || step.limits_body_size() && !tells_length(&headers, &varying);
        let fixed = Lines::of(&headers);
        headers.remove(CONTENT_TYPE);
        let fixed_without_body = Lines::of(&headers);
        let assets = endpoints.iter().position(|endpoint| endpoint.name == assets_name(step.name()));
        let page = assets.filter(|_| step.loads_assets()).map(|endpoint| {
            headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
            ReadyPage { endpoint, fixed: Lines::of(&headers) }
        });
        let path = match step.path().constant() {
            Some(text) => {
                let path = text.parse().map_err(|_| wrong(&format!("`{text}` is not a path")))?;
                Some(path)
            }
            None => None,
        };
        Ok(ReadyStep {
            endpoint: *endpoint,
            group: None,
            method: method(step.method()),
            path,
            fixed,
            fixed_without_body,
            varying,
            keeps_body,
            says_referer,
            says_origin,
            page,
        })
    };
    scenario.steps().iter().zip(numbers).map(one).collect()
}

/// Whether all that these headers let an answer be packed in tells how large it was.
fn tells_length(headers: &HeaderMap, varying: &[(HeaderName, Template)]) -> bool {
    let varies = varying.iter().any(|(name, _)| *name == ACCEPT_ENCODING);
    let offered = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let tells = |coding: &str| match Packing::of(coding.split(';').next()) {
        Packing::Plain => true,
        Packing::Packed(coding) => coding.tells_length(),
        Packing::Strange => false,
    };
    !varies && offered.split(',').all(tells)
}

/// The wire's name for a method.
fn method(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::GET,
        Method::Head => http::Method::HEAD,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Patch => http::Method::PATCH,
        Method::Delete => http::Method::DELETE,
    }
}

/// Renders a template into a new text; `None` when a value is missing.
pub(crate) fn rendered(template: &Template, visit: &mut UserContext, encoding: Encoding) -> Option<String> {
    let mut out = String::new();
    template.render(visit, encoding, &mut out).then_some(out)
}
