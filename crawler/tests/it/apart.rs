//! Two readers and a stranger on a site that keeps them apart, and on one whose cache does not.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use kneepoint_crawler::{ApartPlan, CrawlError, LoginForm, visitors_apart};
use kneepoint_model::cancel::Cancel;
use kneepoint_model::via::Via;

/// What the site keeps: the first page it ever made, when it is one that forgets whose it was.
type Kept = Option<Arc<Mutex<Option<String>>>>;

fn name(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split("; ").find_map(|pair| pair.strip_prefix("who=")).map(str::to_owned)
}

async fn page(State(kept): State<Kept>, headers: HeaderMap) -> Html<String> {
    static NUMBER: Mutex<u64> = Mutex::new(0);
    let number = {
        let mut number = NUMBER.lock().unwrap();
        *number += 1;
        *number
    };
    let shown = name(&headers).unwrap_or_else(|| "nobody".to_owned());
    let fresh =
        format!("<p>{shown}</p><form method=post><input name=csrfmiddlewaretoken value=t{number}></form>");
    Html(match kept {
        Some(kept) => kept.lock().unwrap().get_or_insert(fresh).clone(),
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

fn site(kept: Kept) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let form = || async { Html("<form method=post><input name=csrfmiddlewaretoken value=abc></form>") };
    let app = Router::new().route("/", get(page)).route("/in/", get(form).post(log_in)).with_state(kept);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), app).await.unwrap();
        });
    });
    base
}

fn plan(base: &str, password: &str) -> ApartPlan {
    ApartPlan {
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
        readers: ["reader0001".to_owned(), "reader0002".to_owned()],
        timeout: Duration::from_secs(5),
    }
}

#[test]
fn visitors_of_a_healthy_site_are_kept_apart() {
    assert_eq!(visitors_apart(&plan(&site(None), "word"), &Cancel::new()).unwrap(), []);
}

#[test]
fn a_cache_that_forgets_whose_page_it_keeps_is_found_out() {
    let base = site(Some(Arc::default()));
    let mixed = visitors_apart(&plan(&base, "word"), &Cancel::new()).unwrap();
    let said: Vec<&str> = mixed.iter().map(|mixed| mixed.what.as_str()).collect();
    assert!(said.contains(&"a stranger saw the name of reader0001 on /"), "{said:?}");
    assert!(said.contains(&"reader0001 and a stranger were given the same form token on /"), "{said:?}");
}

#[test]
fn nothing_is_said_when_nobody_can_log_in() {
    let refused = visitors_apart(&plan(&site(None), "wrong"), &Cancel::new()).unwrap_err();
    assert!(matches!(refused, CrawlError::BadPlan { what: "login", .. }), "{refused}");
    assert!(refused.to_string().contains("403"), "{refused}");
    let gone = visitors_apart(&plan("http://127.0.0.1:9/", "word"), &Cancel::new()).unwrap_err();
    assert!(matches!(gone, CrawlError::Unreachable { .. }), "{gone}");
}
