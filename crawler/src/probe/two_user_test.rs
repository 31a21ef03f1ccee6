//! The two-user test: two empty cookie jars, two requests each. May this page be shared between users?

use std::collections::{BTreeMap, BTreeSet};

use kneepoint_model::probe::CacheTest;
use url::Url;

use super::cache_bypass_reason::{CacheObservation, forbids_shared_caching, judge_cache_test};
use super::probe_client::{ProbeClient, ProbeEnded};
use crate::crawl::has_lifetime;
use crate::html;
use crate::http::Response;

/// Cookies of one user; they live as long as the test.
#[derive(Default)]
struct CookieJar(BTreeMap<String, String>);

impl CookieJar {
    fn store(&mut self, response: &Response, encrypted: bool) {
        for cookie in response.cookies() {
            if cookie.is_deletion {
                self.0.remove(&cookie.name);
            } else if encrypted || !cookie.secure {
                self.0.insert(cookie.name, cookie.value);
            }
        }
    }
    fn header(&self) -> Option<String> {
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

/// One response with its form tokens extracted and masked.
struct UserResponse {
    response: Response,
    masked: Vec<u8>,
    tokens: BTreeSet<String>,
}

/// Requests the page as two users; `None` when one of the four requests fails.
pub(crate) async fn test_shared_caching(
    client: &mut ProbeClient<'_>,
    url: &Url,
) -> Result<Option<CacheTest>, ProbeEnded> {
    let mut responses = Vec::new();
    for _user in ["A", "B"] {
        let mut jar = CookieJar::default();
        for _time in 0..2 {
            let Ok(response) = client.get(url, jar.header().as_deref()).await? else { return Ok(None) };
            if response.status != 200 {
                return Ok(None);
            }
            jar.store(&response, url.scheme() == "https");
            responses.push(read_user_response(response));
        }
    }
    let [first_a, second_a, first_b, second_b] = responses.as_slice() else { return Ok(None) };
    let shared = |a: &UserResponse, b: &UserResponse| a.tokens.intersection(&b.tokens).next().is_some();
    let headers: Vec<(String, Option<String>)> = responses
        .iter()
        .map(|given| {
            (given.response.header("cache-control").unwrap_or_default(), given.response.header("expires"))
        })
        .collect();
    Ok(Some(judge_cache_test(CacheObservation {
        same_body: first_a.masked == first_b.masked && second_a.masked == second_b.masked,
        shared_token: [first_a, second_a].iter().any(|a| shared(a, first_b) || shared(a, second_b)),
        second: second_b.response.cache_outcome(),
        sets_cookie: responses.iter().any(|given| !given.response.cookies().is_empty()),
        varies_by_cookie: responses.iter().any(|given| varies_by_cookie(&given.response)),
        forbidden: headers.iter().any(|(control, _)| forbids_shared_caching(control)),
        has_lifetime: headers.iter().all(|(control, expires)| {
            has_lifetime(Some(control.as_str()).filter(|control| !control.is_empty()), expires.as_deref())
        }),
        has_token: responses.iter().any(|given| !given.tokens.is_empty()),
    })))
}

fn read_user_response(response: Response) -> UserResponse {
    let is_html = response.content_type().is_some_and(|kind| kind.contains("html"));
    let tokens = if is_html {
        html::read_html(&String::from_utf8_lossy(response.body.bytes())).tokens
    } else {
        Vec::new()
    };
    let masked = html::mask_tokens(response.body.bytes(), &tokens);
    UserResponse { masked, tokens: tokens.into_iter().collect(), response: response.without_body() }
}

fn varies_by_cookie(response: &Response) -> bool {
    response.header("vary").is_some_and(|vary| {
        vary.split(',').map(str::trim).any(|name| name.eq_ignore_ascii_case("cookie") || name == "*")
    })
}
