//! Are visitors kept apart? Two readers who are logged in and a stranger look at the same pages in turn.
//!
//! A cache that forgets whose page it keeps shows one reader's name, form token or session to the next visitor. The order is
//! made to provoke that: a reader, the reader again, the stranger, the other reader, the stranger, the first reader. Only
//! for a stack that is thrown away: the readers log in by a form, which is the one thing in this crate that is not a GET.

mod compare;

use std::collections::BTreeSet;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::via::Via;
use reqwest::header::{HOST, HeaderMap, HeaderValue, SET_COOKIE};
use reqwest::redirect::Policy;
use url::Url;

use crate::error::CrawlError;
use crate::html;
use crate::http::connecting;
use crate::runtime::{block_on, cancelled};
use crate::target::Target;

pub use compare::Mixed;
use compare::{Sight, Who, mixed};

/// How visitors log in.
#[derive(Debug, Clone)]
pub struct LoginForm {
    /// Where the form is, and where it is sent.
    pub path: String,
    /// The field of the name.
    pub name_field: String,
    /// The field of the password.
    pub password_field: String,
    /// The password of both readers.
    pub password: String,
}

/// Who looks at what.
#[derive(Debug, Clone)]
pub struct ApartPlan {
    /// The site.
    pub base_url: Url,
    /// Value of `Host`, when connections go to another address than the site's name.
    pub host_header: Option<String>,
    /// How connections to the site are made.
    pub via: Via,
    /// Pages to look at.
    pub paths: Vec<String>,
    /// How to log in.
    pub login: LoginForm,
    /// The names of two readers; each is shown on the reader's own pages.
    pub readers: [String; 2],
    /// For one exchange.
    pub timeout: Duration,
}

/// The order in which they look: two visits of the first reader let a cache keep the page.
const ORDER: [Who; 6] = [Who::First, Who::First, Who::Stranger, Who::Second, Who::Stranger, Who::First];

/// Looks, and says what reached the wrong visitor; nothing when all were kept apart.
///
/// # Errors
/// The site cannot be reached, or nobody can log in: then nothing can be said.
pub fn visitors_apart(plan: &ApartPlan, cancel: &Cancel) -> Result<Vec<Mixed>, CrawlError> {
    block_on(async {
        tokio::select! {
            seen = look(plan) => Ok(mixed(&seen?, &plan.readers)),
            () = cancelled(cancel) => Err(CrawlError::Cancelled),
        }
    })?
}

async fn look(plan: &ApartPlan) -> Result<Vec<Sight>, CrawlError> {
    let target = Target::new(&plan.base_url, plan.host_header.as_deref())?;
    let mut visitors = Vec::new();
    for who in [Who::First, Who::Second, Who::Stranger] {
        let visitor = Visitor::new(plan)?;
        if let Some(name) = who.name(&plan.readers) {
            visitor.log_in(&target, plan, name).await?;
        }
        visitors.push((who, visitor));
    }
    let mut seen = Vec::new();
    for path in &plan.paths {
        let url = target.url(path).ok_or_else(|| CrawlError::BadAddress {
            url: path.clone(),
            why: "it leads off the site".to_owned(),
        })?;
        for who in ORDER {
            let Some((_, visitor)) = visitors.iter().find(|(known, _)| *known == who) else { continue };
            let page = visitor.get(&url).await?;
            seen.push(Sight {
                who,
                path: path.clone(),
                names: plan.readers.iter().map(|name| page.text.contains(name.as_str())).collect(),
                tokens: page.tokens,
                cookies: page.cookies,
            });
        }
    }
    Ok(seen)
}

/// A browser with a cookie jar of its own.
struct Visitor {
    http: reqwest::Client,
}

struct Shown {
    text: String,
    tokens: BTreeSet<String>,
    cookies: BTreeSet<String>,
}

impl Visitor {
    fn new(plan: &ApartPlan) -> Result<Self, CrawlError> {
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
        let http = connecting(http, &plan.base_url, &plan.via)?;
        Ok(Self { http: http.build().map_err(|error| CrawlError::Client(error.to_string()))? })
    }

    async fn get(&self, url: &Url) -> Result<Shown, CrawlError> {
        let unreachable = |error: reqwest::Error| CrawlError::Unreachable {
            origin: url.origin().ascii_serialization(),
            why: error.without_url().to_string(),
        };
        let answer = self.http.get(url.clone()).send().await.map_err(unreachable)?;
        // The values alone: they are compared, and never leave this module.
        let value = |header: &HeaderValue| {
            let text = header.to_str().ok()?.split(';').next()?;
            Some(text.split_once('=')?.1.to_owned()).filter(|value| !value.is_empty())
        };
        let cookies = answer.headers().get_all(SET_COOKIE).iter().filter_map(value).collect();
        let text = answer.text().await.map_err(unreachable)?;
        let tokens = html::read(&text).tokens.into_iter().collect();
        Ok(Shown { text, tokens, cookies })
    }

    async fn log_in(&self, target: &Target, plan: &ApartPlan, name: &str) -> Result<(), CrawlError> {
        let LoginForm { path, name_field, password_field, password } = &plan.login;
        let refused = |why: String| CrawlError::BadPlan { what: "login", value: path.clone(), why };
        let url = target.url(path).ok_or_else(|| refused("it leads off the site".to_owned()))?;
        let form = self.get(&url).await?;
        let token = form.tokens.iter().next().cloned().unwrap_or_default();
        let fields = [
            ("csrfmiddlewaretoken", token.as_str()),
            (name_field.as_str(), name),
            (password_field.as_str(), password.as_str()),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let sent = self
            .http
            .post(url.clone())
            .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(reqwest::header::REFERER, url.as_str())
            .body(body)
            .send()
            .await
            .map_err(|error| refused(error.without_url().to_string()))?;
        if sent.status().is_redirection() {
            return Ok(());
        }
        Err(refused(format!("{name} was answered with status {}", sent.status().as_u16())))
    }
}
