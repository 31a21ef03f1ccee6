//! Cache-leak test: two logged-in users and an anonymous user visit the same pages in turn.
//!
//! A cache that stores a page without regard to its user shows one user's name, form token or session cookie to
//! another. The visiting order provokes that: first user, first user again, anonymous, second user, anonymous, first
//! user. Use it on disposable stacks only: the users log in through a form, the only requests of this crate that are
//! not GET.

mod leak;

use std::collections::BTreeSet;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::via::Via;
use reqwest::header::{HOST, HeaderMap, HeaderValue, SET_COOKIE};
use reqwest::redirect::Policy;
use url::Url;

use crate::error::CrawlError;
use crate::html;
use crate::http::apply_via;
use crate::runtime::{block_on, wait_for_cancellation};
use crate::target::Target;

pub use leak::CacheLeak;
use leak::{Observation, User, find_leaks};

/// Login form of the site.
#[derive(Debug, Clone)]
pub struct LoginForm {
    /// Path of the form; the form is posted to the same path.
    pub path: String,
    /// Name of the form field of the user name.
    pub name_field: String,
    /// Name of the form field of the password.
    pub password_field: String,
    /// Password of both users.
    pub password: String,
}

/// Pages to visit and the users who visit them.
#[derive(Debug, Clone)]
pub struct IsolationPlan {
    /// Base URL of the site.
    pub base_url: Url,
    /// Value of the `Host` header, when it differs from the host of the base URL.
    pub host_header: Option<String>,
    /// Unix socket and CA file of the connections.
    pub via: Via,
    /// Paths of the pages to visit.
    pub paths: Vec<String>,
    /// Form through which the two users log in.
    pub login: LoginForm,
    /// Names of the two logged-in users; each name is shown on that user's own pages.
    pub user_names: [String; 2],
    /// Limit for one exchange.
    pub timeout: Duration,
}

/// Two visits of the first user in a row give a cache the chance to store the page.
const VISIT_ORDER: [User; 6] =
    [User::First, User::First, User::Anonymous, User::Second, User::Anonymous, User::First];

/// Visits the pages and returns what reached the wrong user; empty when the users are isolated.
///
/// # Errors
/// The site is unreachable or a login fails: the test is inconclusive.
pub fn test_user_isolation(plan: &IsolationPlan, cancel: &Cancel) -> Result<Vec<CacheLeak>, CrawlError> {
    block_on(async {
        tokio::select! {
            observations = collect_observations(plan) => Ok(find_leaks(&observations?, &plan.user_names)),
            () = wait_for_cancellation(cancel) => Err(CrawlError::Cancelled),
        }
    })?
}

async fn collect_observations(plan: &IsolationPlan) -> Result<Vec<Observation>, CrawlError> {
    let target = Target::new(&plan.base_url, plan.host_header.as_deref())?;
    let mut clients = Vec::new();
    for user in [User::First, User::Second, User::Anonymous] {
        let client = UserClient::new(plan)?;
        if let Some(name) = user.name(&plan.user_names) {
            client.log_in(&target, plan, name).await?;
        }
        clients.push((user, client));
    }
    let mut observations = Vec::new();
    for path in &plan.paths {
        let url = target.url(path).ok_or_else(|| CrawlError::BadAddress {
            url: path.clone(),
            why: "it is not a path of this site".to_owned(),
        })?;
        for user in VISIT_ORDER {
            let Some((_, client)) = clients.iter().find(|(known, _)| *known == user) else { continue };
            let page = client.get(&url).await?;
            observations.push(Observation {
                user,
                path: path.clone(),
                names: plan.user_names.iter().map(|name| page.text.contains(name.as_str())).collect(),
                tokens: page.tokens,
                cookies: page.cookies,
            });
        }
    }
    Ok(observations)
}

/// HTTP client of one user, with its own cookie jar.
struct UserClient {
    http: reqwest::Client,
}

struct LoadedPage {
    text: String,
    tokens: BTreeSet<String>,
    cookies: BTreeSet<String>,
}

impl UserClient {
    fn new(plan: &IsolationPlan) -> Result<Self, CrawlError> {
        let mut headers = HeaderMap::new();
        if let Some(host) = &plan.host_header {
            let value = HeaderValue::from_str(host).map_err(|error| CrawlError::BadPlan {
                what: "host header",
                value: host.escape_debug().to_string(),
                why: error.to_string(),
            })?;
            headers.insert(HOST, value);
        }
        let http = reqwest::Client::builder()
            .user_agent(crate::USER_AGENT)
            .default_headers(headers)
            .cookie_store(true)
            .redirect(Policy::none())
            .no_proxy()
            .timeout(plan.timeout);
        let http = apply_via(http, &plan.base_url, &plan.via)?;
        Ok(Self { http: http.build().map_err(|error| CrawlError::Client(error.to_string()))? })
    }

    async fn get(&self, url: &Url) -> Result<LoadedPage, CrawlError> {
        let unreachable = |error: reqwest::Error| CrawlError::Unreachable {
            origin: url.origin().ascii_serialization(),
            why: error.without_url().to_string(),
        };
        let response = self.http.get(url.clone()).send().await.map_err(unreachable)?;
        // Values are only compared; they never leave this module.
        let value = |header: &HeaderValue| {
            let text = header.to_str().ok()?.split(';').next()?;
            Some(text.split_once('=')?.1.to_owned()).filter(|value| !value.is_empty())
        };
        let cookies = response.headers().get_all(SET_COOKIE).iter().filter_map(value).collect();
        let text = response.text().await.map_err(unreachable)?;
        let tokens = html::read_html(&text).tokens.into_iter().collect();
        Ok(LoadedPage { text, tokens, cookies })
    }

    async fn log_in(&self, target: &Target, plan: &IsolationPlan, name: &str) -> Result<(), CrawlError> {
        let LoginForm { path, name_field, password_field, password } = &plan.login;
        let refused = |why: String| CrawlError::BadPlan { what: "login", value: path.clone(), why };
        let url = target.url(path).ok_or_else(|| refused("it is not a path of this site".to_owned()))?;
        let form = self.get(&url).await?;
        let token = form.tokens.iter().next().cloned().unwrap_or_default();
        let fields = [
            ("csrfmiddlewaretoken", token.as_str()),
            (name_field.as_str(), name),
            (password_field.as_str(), password.as_str()),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let response = self
            .http
            .post(url.clone())
            .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(reqwest::header::REFERER, url.as_str())
            .body(body)
            .send()
            .await
            .map_err(|error| refused(error.without_url().to_string()))?;
        if response.status().is_redirection() {
            return Ok(());
        }
        Err(refused(format!("the login of {name} returned status {}", response.status().as_u16())))
    }
}
