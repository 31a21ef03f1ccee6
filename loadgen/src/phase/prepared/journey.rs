//! A custom journey before its first request.

use http::header::HeaderMap;

use super::headers::common_headers;
use crate::custom::Journey;
use crate::error::LoadError;
use crate::plan::PhasePlan;
use crate::recorder::{Endpoint, intern_endpoint};
use crate::transport::HeaderLines;
use crate::user::links::SiteOrigin;

/// A custom journey with everything computed that need not be computed for each request.
pub(crate) struct PreparedJourney {
    pub(crate) name: String,
    /// Names that it declares, with their numbers among all endpoints.
    endpoints: Vec<(String, usize)>,
    /// Headers of all its requests.
    pub(crate) headers: HeaderMap,
    /// The same, as written to the wire.
    pub(crate) fixed: HeaderLines,
}

impl PreparedJourney {
    /// Adds the endpoints of the journey to `all`.
    pub(super) fn new(
        plan: &PhasePlan,
        site: &SiteOrigin,
        journey: &dyn Journey,
        all: &mut Vec<Endpoint>,
    ) -> Result<Self, LoadError> {
        let name = journey.name().to_owned();
        let endpoints: Vec<String> = journey.endpoints();
        if endpoints.is_empty() || endpoints.iter().any(|name| name.trim().is_empty() || name.len() > 120) {
            let problem = "`endpoints` must return at least one name, each of 1 to 120 characters".to_owned();
            return Err(LoadError::Journey { journey: name, problem });
        }
        let headers = common_headers(plan, site)
            .map_err(|problem| LoadError::Plan { phase: plan.name.clone(), problem })?;
        let endpoints = endpoints.into_iter().map(|name| {
            let number = intern_endpoint(all, &name);
            (name, number)
        });
        Ok(Self { endpoints: endpoints.collect(), fixed: HeaderLines::from_headers(&headers), headers, name })
    }

    /// Number of an endpoint that the journey declared.
    pub(crate) fn endpoint(&self, name: &str) -> Option<usize> {
        self.endpoints.iter().find(|(declared, _)| declared == name).map(|(_, number)| *number)
    }
}
