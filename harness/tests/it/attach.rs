//! Sites of the users' own: a Django project from `startproject`, a static nginx, and sites that misbehave.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::get;
use kneepoint_process::{Lifetime, Program, Service, StartOptions};

use super::support::{Place, SHORT, turn, wait_until};

/// A site that lives as long as this value.
pub(crate) struct Site {
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Site {
    pub(crate) fn serve(router: Router) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("bind");
        let address = listener.local_addr().expect("address");
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, _runtime: runtime }
    }
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

fn free_port() -> u16 {
    (23_000..24_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}

fn start(program: &Program, name: &str, log: &Path) -> Service {
    let options =
        StartOptions { name: name.to_owned(), log: Some(log.to_owned()), lifetime: Lifetime::DieWithParent };
    program.start(options).expect("start")
}

fn wait_for(port: u16) {
    wait_until(Duration::from_secs(20), "the site to listen", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
}

#[test]
fn a_site_with_a_broken_page_is_not_loaded() {
    let site = Site::serve(
        Router::new()
            .route("/", get(|| async { Html("<title>Home</title><a href=/ok>ok</a><a href=/bad>bad</a>") }))
            .route("/ok", get(|| async { Html("<title>Ok</title>fine") }))
            .route("/bad", get(|| async { (StatusCode::INTERNAL_SERVER_ERROR, "boom") })),
    );
    let place = Place::new("broken_page");
    let ended = place.run(&["run", "--attach", &site.url()]);
    ended.exits(6);
    assert!(ended.stdout.contains("/bad"), "{}", ended.stdout);
    let summary = place.latest().json("summary.json");
    assert_eq!(
        (summary["verdict"]["status"].as_str(), summary["smoke"]["broken"].as_u64()),
        (Some("smoke-failed"), Some(1))
    );
    assert_eq!(summary["load"].as_array().map(Vec::len), Some(0), "load never started");
    let smoke = place.run(&["smoke", "--attach", &site.url()]);
    smoke.exits(6);
    assert!(smoke.stdout.contains("FAILED") && smoke.stdout.contains("PASSED  Ok"), "{}", smoke.stdout);
}

#[test]
fn a_sound_site_passes_smoke_and_gets_its_cron_lines() {
    let site = Site::serve(Router::new().route("/", get(|| async { Html("<title>Home</title>fine") })));
    let place = Place::new("sound");
    let smoke = place.run(&["smoke", "--attach", &site.url()]);
    smoke.exits(0);
    assert!(smoke.stdout.contains("PASSED  Home"), "{}", smoke.stdout);
    let cron = place.run(&["warm", "--attach", &site.url(), "--print-cron"]);
    cron.exits(0);
    for part in ["curl", "*/5 * * * *", "[Timer]"] {
        assert!(cron.stdout.contains(part), "{part} is missing from:\n{}", cron.stdout);
    }
}

#[test]
fn a_site_that_hangs_fails_smoke_in_time() {
    let site = Site::serve(
        Router::new().route("/", get(|| async { Html("<title>Home</title><a href=/hang>x</a>") })).route(
            "/hang",
            get(|| async {
                tokio::time::sleep(Duration::from_mins(1)).await;
                "late"
            }),
        ),
    );
    let place = Place::new("hanging");
    place.config("[crawl]\ntimeout = \"1s\"\n");
    place.run(&["run", "--attach", &site.url()]).exits(6);
}

#[test]
fn nobody_listens() {
    let place = Place::new("nobody");
    let ended = place.run(&["run", "--attach", &format!("http://127.0.0.1:{}/", free_port())]);
    ended.exits(5);
    assert!(place.latest().has("report.html"), "a report says so");
}

#[test]
fn a_plain_static_nginx_gives_a_useful_report() {
    let _turn = turn();
    let place = Place::new("static_nginx");
    let port = free_port();
    let web = place.folder.join("web");
    fs::create_dir_all(web.join("css")).expect("web");
    fs::write(
        web.join("index.html"),
        format!(
            "<title>Home</title><link rel=stylesheet href=/css/a.css><a href=/about.html>a</a>{}",
            "text ".repeat(2000)
        ),
    )
    .expect("write");
    fs::write(web.join("about.html"), "<title>About</title><a href=/>home</a>").expect("write");
    fs::write(web.join("css/a.css"), "body { color: black }\n".repeat(200)).expect("write");
    let config = place.folder.join("nginx.conf");
    let dir = place.folder.display();
    fs::write(&config, format!("daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log; user root;\nevents {{}}\nhttp {{ include /etc/nginx/mime.types; access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;\nserver {{ listen 127.0.0.1:{port}; root {dir}/web; }} }}\n")).expect("write");
    let nginx = start(
        &Program::new("nginx").args(["-c", config.to_str().expect("path"), "-e", "stderr"]),
        "nginx",
        &place.folder.join("nginx.log"),
    );
    wait_for(port);
    place.config(SHORT);
    let ended = place.run(&["run", "--attach", &format!("http://127.0.0.1:{port}/")]);
    let run = place.latest();
    ended.went_well(&run);
    let summary = run.json("summary.json");
    assert!(summary["load"][0]["requests"].as_u64() > Some(50), "{}", summary["load"]);
    assert!(
        summary["tiers"].as_array().expect("tiers").iter().any(|t| t["name"] == "proxy"),
        "nginx was found by its port"
    );
    assert!(run.findings().iter().any(|(rule, _)| rule == "uncompressed"), "{:?}", run.findings());
    let missing = summary["unmeasured"].as_array().expect("unmeasured");
    assert!(
        missing.iter().any(|m| m["why"].as_str().is_some_and(|why| why.contains("Server-Timing"))),
        "{missing:?}"
    );
    assert!(nginx.is_alive(), "kneepoint stops nothing that is not its own");
    nginx.stop(Duration::from_secs(3)).expect("stop");
}

/// The Python of the reference stack's own environment, made by an earlier run or made now.
fn python() -> PathBuf {
    let place = Place::new("python_for_attach");
    place.run(&["up"]).exits(0);
    let status = place.run(&["status", "--format", "json"]);
    place.run(&["down"]).exits(0);
    let cache = fs::canonicalize(place.home.join("cache")).expect("cache");
    let found = fs::read_dir(&cache)
        .expect("cache")
        .flatten()
        .map(|e| e.path().join("bin/python"))
        .find(|p| p.exists());
    found.unwrap_or_else(|| panic!("no environment in {}: {}", cache.display(), status.stdout))
}

#[test]
fn a_startproject_site_with_one_app_gives_a_useful_report() {
    let _turn = turn();
    let python = python();
    let place = Place::new("startproject");
    let run = |args: &[&str]| {
        Program::new(&python)
            .args(args)
            .cwd(&place.folder)
            .run(Duration::from_mins(1))
            .expect("django-admin");
    };
    run(&["-m", "django", "startproject", "mysite", "."]);
    run(&["manage.py", "startapp", "pages"]);
    let append = |file: &str, text: &str| {
        let path = place.folder.join(file);
        let old = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, old + text).expect("write");
    };
    append("mysite/settings.py", "\nINSTALLED_APPS += ['pages']\nDEBUG = False\nALLOWED_HOSTS = ['*']\n");
    append("pages/models.py", "\nclass Item(models.Model):\n    name = models.CharField(max_length=40)\n");
    append(
        "pages/views.py",
        "\nfrom django.http import HttpResponse\nfrom .models import Item\n\ndef home(request):\n    Item.objects.count()\n    return HttpResponse('<title>Home</title><a href=/items/>items</a>')\n\ndef items(request):\n    rows = ''.join(f'<li>{i.name}</li>' for i in Item.objects.all()[:50])\n    return HttpResponse('<title>Items</title><ul>' + rows + '</ul>')\n",
    );
    append(
        "mysite/urls.py",
        "\nfrom pages import views\nurlpatterns += [path('', views.home), path('items/', views.items)]\n",
    );
    run(&["manage.py", "makemigrations", "pages"]);
    run(&["manage.py", "migrate"]);
    let port = free_port();
    let gunicorn = Program::new(&python)
        .args([
            "-m",
            "gunicorn",
            "mysite.wsgi",
            "-w",
            "2",
            "-b",
            &format!("127.0.0.1:{port}"),
            "--no-control-socket",
        ])
        .cwd(&place.folder);
    let service = start(&gunicorn, "gunicorn", &place.folder.join("gunicorn.log"));
    wait_for(port);
    place.config(SHORT);
    let ended = place.run(&["run", "--attach", &format!("http://127.0.0.1:{port}/")]);
    ended.went_well(&place.latest());
    let summary = place.latest().json("summary.json");
    assert!(summary["load"][0]["requests"].as_u64() > Some(50), "{}", summary["load"]);
    assert!(
        summary["profiles"]
            .as_array()
            .expect("profiles")
            .iter()
            .any(|p| p["tier"] == "server" && p["samples"].as_u64() > Some(0)),
        "py-spy looked inside: {}",
        summary["profiles"]
    );
    assert!(service.is_alive(), "kneepoint stops nothing that is not its own");
    service.stop(Duration::from_secs(5)).expect("stop");
}
