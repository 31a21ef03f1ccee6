//! The two-visitor test: two fresh cookie jars, each asking twice. May this page be shared?

use std::collections::{BTreeMap, BTreeSet};

use kneepoint_model::probe::CacheTest;
use url::Url;

use super::asker::{Asker, Over};
use super::because::{Sight, forbids, judge};
use crate::crawl::has_lifetime;
use crate::html;
use crate::http::Answer;

/// A visitor's cookies; they live as long as the test.
#[derive(Default)]
struct Jar(BTreeMap<String, String>);

impl Jar {
    fn take(&mut self, answer: &Answer, encrypted: bool) {
        for cookie in answer.cookies() {
            if cookie.gone {
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

/// What one answer gave a visitor.
struct View {
    answer: Answer,
    masked: Vec<u8>,
    tokens: BTreeSet<String>,
}

/// Asks as two visitors; `None` when one of the four requests failed.
pub(crate) async fn test(asker: &mut Asker<'_>, url: &Url) -> Result<Option<CacheTest>, Over> {
    let mut views = Vec::new();
    for _visitor in ["A", "B"] {
        let mut jar = Jar::default();
        for _time in 0..2 {
            let Ok(answer) = asker.get(url, jar.header().as_deref()).await? else { return Ok(None) };
            if answer.status != 200 {
                return Ok(None);
            }
            jar.take(&answer, url.scheme() == "https");
            views.push(view(answer));
        }
    }
    let [first_a, second_a, first_b, second_b] = views.as_slice() else { return Ok(None) };
    let shared = |a: &View, b: &View| a.tokens.intersection(&b.tokens).next().is_some();
    let headers: Vec<(String, Option<String>)> = views
        .iter()
        .map(|view| (view.answer.header("cache-control").unwrap_or_default(), view.answer.header("expires")))
        .collect();
    Ok(Some(judge(Sight {
        same_body: first_a.masked == first_b.masked && second_a.masked == second_b.masked,
        shared_token: [first_a, second_a].iter().any(|a| shared(a, first_b) || shared(a, second_b)),
        second: second_b.answer.cache_outcome(),
        sets_cookie: views.iter().any(|view| !view.answer.cookies().is_empty()),
        varies_by_cookie: views.iter().any(|view| varies_by_cookie(&view.answer)),
        forbidden: headers.iter().any(|(control, _)| forbids(control)),
        has_lifetime: headers.iter().all(|(control, expires)| {
            has_lifetime(Some(control.as_str()).filter(|control| !control.is_empty()), expires.as_deref())
        }),
        has_token: views.iter().any(|view| !view.tokens.is_empty()),
    })))
}

fn view(answer: Answer) -> View {
    let is_html = answer.content_type().is_some_and(|kind| kind.contains("html"));
    let tokens =
        if is_html { html::read(&String::from_utf8_lossy(answer.body.bytes())).tokens } else { Vec::new() };
    let masked = html::masked(answer.body.bytes(), &tokens);
    View { masked, tokens: tokens.into_iter().collect(), answer: answer.without_body() }
}

fn varies_by_cookie(answer: &Answer) -> bool {
    answer.header("vary").is_some_and(|vary| {
        vary.split(',').map(str::trim).any(|name| name.eq_ignore_ascii_case("cookie") || name == "*")
    })
}
