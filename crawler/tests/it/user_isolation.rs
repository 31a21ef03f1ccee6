//! The cache-leak test against a site that isolates its users and one whose cache does not.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use kneepoint_crawler::{CrawlError, IsolationPlan, LoginForm, test_user_isolation};
use kneepoint_model::cancel::Cancel;
use kneepoint_model::via::Via;

/// The page in the site's cache; `None` for a site without a cache.
type CachedPage = Option<Arc<Mutex<Option<String>>>>;

fn name(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split("; ").find_map(|pair| pair.strip_prefix("who=")).map(str::to_owned)
}

async fn page(State(cached): State<CachedPage>, headers: HeaderMap) -> Html<String> {
    static NUMBER: Mutex<u64> = Mutex::new(0);
    let number = {
        let mut number = NUMBER.lock().unwrap();
        *number += 1;
        *number
    };
    let shown = name(&headers).unwrap_or_else(|| "nobody".to_owned());
    let fresh =
        format!("<p>{shown}</p><form method=post><input name=csrfmiddlewaretoken value=t{number}></form>");
    Html(match cached {
        Some(cached) => cached.lock().unwrap().get_or_insert(fresh).clone(),
        None => fresh,
    })
}

async fn log_in(body: String) -> Response {
    let field = |name: &str| {
        body.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))?.to_owned().into())
    };
    let (token, user, word): (Option<String>, Option<String>, Option<String>) =
        (field("csrfmiddlewaretoken"), field("username"), field("password"));
    if token.as_deref() != Some("abc") || word.as_deref() != Some("word") {
        return StatusCode::FORBIDDEN.into_response();
    }
    let cookie = format!("who={}; Path=/", user.unwrap_or_default());
    (StatusCode::FOUND, [(header::SET_COOKIE, cookie), (header::LOCATION, "/".to_owned())]).into_response()
}

fn site(cached: CachedPage) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let form = || async { Html("<form method=post><input name=csrfmiddlewaretoken value=abc></form>") };
    let app = Router::new().route("/", get(page)).route("/in/", get(form).post(log_in)).with_state(cached);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), app).await.unwrap();
        });
    });
    base
}

fn plan(base: &str, password: &str) -> IsolationPlan {
    IsolationPlan {
        base_url: base.parse().unwrap(),
        host_header: None,
        via: Via::default(),
        paths: vec!["/".to_owned()],
        login: LoginForm {
            path: "/in/".to_owned(),
            name_field: "username".to_owned(),
            password_field: "password".to_owned(),
            password: password.to_owned(),
        },
        user_names: ["user0001".to_owned(), "user0002".to_owned()],
        timeout: Duration::from_secs(5),
    }
}

#[test]
fn users_of_a_healthy_site_are_isolated() {
    assert_eq!(test_user_isolation(&plan(&site(None), "word"), &Cancel::new()).unwrap(), []);
}

#[test]
fn a_cache_that_ignores_the_user_is_detected() {
    let base = site(Some(Arc::default()));
    let leaks = test_user_isolation(&plan(&base, "word"), &Cancel::new()).unwrap();
    let texts: Vec<&str> = leaks.iter().map(|leak| leak.what.as_str()).collect();
    assert!(texts.contains(&"an anonymous user saw the name of user0001 on /"), "{texts:?}");
    assert!(texts.contains(&"user0001 and an anonymous user received the same form token on /"), "{texts:?}");
}

#[test]
fn the_test_is_inconclusive_when_login_fails() {
    let refused = test_user_isolation(&plan(&site(None), "wrong"), &Cancel::new()).unwrap_err();
    assert!(matches!(refused, CrawlError::BadPlan { what: "login", .. }), "{refused}");
    assert!(refused.to_string().contains("403"), "{refused}");
    let gone = test_user_isolation(&plan("http://127.0.0.1:9/", "word"), &Cancel::new()).unwrap_err();
    assert!(matches!(gone, CrawlError::Unreachable { .. }), "{gone}");
}
