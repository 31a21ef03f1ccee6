//! A step of a scenario before its first request.

use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERER};
use http::uri::PathAndQuery;
use kneepoint_scenarios::{Method, Scenario, Step, Template};

use super::headers::{accepts_only_sized_codings, common_headers};
use crate::error::LoadError;
use crate::plan::PhasePlan;
use crate::recorder::{Endpoint, assets_endpoint_name};
use crate::transport::HeaderLines;
use crate::user::links::SiteOrigin;

/// A step with everything computed that need not be computed for each request.
pub(crate) struct PreparedStep {
    pub(crate) endpoint: usize,
    /// The group that it belongs to.
    pub(crate) group: Option<usize>,
    pub(crate) method: http::Method,
    /// The path, when it is always the same.
    pub(crate) path: Option<PathAndQuery>,
    /// Headers that are always the same.
    pub(crate) fixed: HeaderLines,
    /// `fixed` without the headers of a body: for the GET that a redirect asks for.
    pub(crate) fixed_without_body: HeaderLines,
    /// Headers with placeholders.
    pub(crate) varying: Vec<(HeaderName, Template)>,
    /// Whether the body of the response is kept: because it is checked, or because only decoding it tells its size.
    pub(crate) keeps_body: bool,
    /// Whether the scenario itself sets this header.
    pub(crate) sets_referer: bool,
    pub(crate) sets_origin: bool,
    /// When the page is loaded with its assets.
    pub(crate) assets: Option<PreparedAssets>,
}

/// What the asset requests of a page have in common.
pub(crate) struct PreparedAssets {
    /// Endpoint under which the assets are counted.
    pub(crate) endpoint: usize,
    /// Their headers: the fixed ones of the page, with `Accept: */*`.
    pub(crate) fixed: HeaderLines,
}

/// Prepares all steps of a scenario; `numbers` holds the endpoint of each.
pub(super) fn prepare_steps(
    plan: &PhasePlan,
    site: &SiteOrigin,
    scenario: &Scenario,
    endpoints: &[Endpoint],
    numbers: &[usize],
) -> Result<Vec<PreparedStep>, LoadError> {
    let refuse = |problem: String| LoadError::Plan {
        phase: plan.name.clone(),
        problem: format!("scenario `{}`: {problem}", scenario.name()),
    };
    let common = common_headers(plan, site).map_err(refuse)?;
    let prepare = |(step, endpoint): (&Step, &usize)| {
        PreparedStep::new(step, *endpoint, common.clone(), endpoints).map_err(refuse)
    };
    scenario.steps().iter().zip(numbers).map(prepare).collect()
}

impl PreparedStep {
    /// `headers` are those of all requests. The group is set later.
    fn new(
        step: &Step,
        endpoint: usize,
        mut headers: HeaderMap,
        endpoints: &[Endpoint],
    ) -> Result<Self, String> {
        let varying = add_step_headers(step, &mut headers)?;
        let sets = |wanted: &HeaderName| {
            headers.contains_key(wanted) || varying.iter().any(|(name, _)| name == wanted)
        };
        let (sets_referer, sets_origin) = (sets(&REFERER), sets(&ORIGIN));
        let keeps_body =
            step.needs_body() || step.limits_body_size() && !accepts_only_sized_codings(&headers, &varying);
        let fixed = HeaderLines::from_headers(&headers);
        headers.remove(CONTENT_TYPE);
        let fixed_without_body = HeaderLines::from_headers(&headers);
        let assets = endpoints.iter().position(|endpoint| endpoint.name == assets_endpoint_name(step.name()));
        let assets = assets.filter(|_| step.loads_assets()).map(|endpoint| {
            headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
            PreparedAssets { endpoint, fixed: HeaderLines::from_headers(&headers) }
        });
        let path = match step.path().constant() {
            Some(text) => Some(text.parse().map_err(|_| format!("`{text}` is not a path"))?),
            None => None,
        };
        Ok(Self {
            endpoint,
            group: None,
            method: http_method(step.method()),
            path,
            fixed,
            fixed_without_body,
            varying,
            keeps_body,
            sets_referer,
            sets_origin,
            assets,
        })
    }
}

/// Adds the constant headers of a step to `headers`, and returns those with placeholders.
fn add_step_headers(step: &Step, headers: &mut HeaderMap) -> Result<Vec<(HeaderName, Template)>, String> {
    let value = |text: &str| {
        HeaderValue::from_str(text)
            .map_err(|_| format!("{text:?} has characters that a header value cannot have"))
    };
    let mut varying = Vec::new();
    if let Some(content_type) = step.body().content_type() {
        headers.insert(CONTENT_TYPE, value(content_type)?);
    }
    for (name, template) in step.headers() {
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("{name:?} is not the name of a header"))?;
        if let Some(text) = template.constant() {
            headers.insert(header, value(text)?);
        } else {
            headers.remove(&header);
            varying.push((header, template.clone()));
        }
    }
    Ok(varying)
}

fn http_method(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::GET,
        Method::Head => http::Method::HEAD,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Patch => http::Method::PATCH,
        Method::Delete => http::Method::DELETE,
    }
}
