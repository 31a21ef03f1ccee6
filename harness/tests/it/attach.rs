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

use super::support::{SHORT, Sandbox, lock_machine, wait_until};

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
    let sandbox = Sandbox::new("broken_page");
    let ended = sandbox.run(&["run", "--attach", &site.url()]);
    ended.assert_exit(6);
    assert!(ended.stdout.contains("/bad"), "{}", ended.stdout);
    let summary = sandbox.latest().json("summary.json");
    assert_eq!(
        (summary["verdict"]["status"].as_str(), summary["smoke"]["broken"].as_u64()),
        (Some("smoke-failed"), Some(1))
    );
    assert_eq!(summary["load"].as_array().map(Vec::len), Some(0), "load never started");
    let smoke = sandbox.run(&["smoke", "--attach", &site.url()]);
    smoke.assert_exit(6);
    assert!(smoke.stdout.contains("FAILED") && smoke.stdout.contains("PASSED  Ok"), "{}", smoke.stdout);
}

#[test]
fn a_sound_site_passes_smoke_and_gets_its_cron_lines() {
    let site = Site::serve(Router::new().route("/", get(|| async { Html("<title>Home</title>fine") })));
    let sandbox = Sandbox::new("sound");
    let smoke = sandbox.run(&["smoke", "--attach", &site.url()]);
    smoke.assert_exit(0);
    assert!(smoke.stdout.contains("PASSED  Home"), "{}", smoke.stdout);
    let cron = sandbox.run(&["warm", "--attach", &site.url(), "--print-cron"]);
    cron.assert_exit(0);
    for part in ["curl", "*/5 * * * *", "[Timer]"] {
        assert!(cron.stdout.contains(part), "{part} is missing from:\n{}", cron.stdout);
    }
}

#[test]
fn a_site_on_a_unix_socket_is_crawled_warmed_probed_and_loaded() {
    let _machine = lock_machine();
    let sandbox = Sandbox::new("unix_socket");
    // The path of a socket is short; that of this sandbox may not be.
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("app.sock");
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let listener = runtime.block_on(async { tokio::net::UnixListener::bind(&path) }).expect("bind");
    let home = get(|headers: axum::http::HeaderMap| async move {
        let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
        Html(format!("<title>Home of {host}</title><a href=/about>about</a>"))
    });
    let router =
        Router::new().route("/", home).route("/about", get(|| async { Html("<title>About</title>") }));
    runtime.spawn(async move { axum::serve(listener, router).await });
    sandbox.config(SHORT);
    // A public name, and no consent: nothing is sent to it.
    let ended = sandbox.run(&[
        "load",
        "--attach",
        "http://example.com/",
        "--unix-socket",
        path.to_str().expect("text"),
    ]);
    let run = sandbox.latest();
    ended.assert_success(&run);
    assert_eq!(run.json("stack.json")["via"]["unix_socket"], path.to_str().expect("text"));
    let site = run.json("site.json");
    assert!(site["pages"].as_array().expect("pages").iter().any(|p| p["title"] == "Home of example.com"));
    for phase in ["closed", "open"] {
        let phase = run.json(&format!("load/{phase}.json"));
        assert!(phase["requests"].as_u64() > Some(10) && phase["errors"] == 0, "{phase}");
    }
    assert!(run.text("report.md").contains("app.sock"), "the report says where it was");

    let cron = sandbox.run(&[
        "warm",
        "--attach",
        "http://example.com/",
        "--unix-socket",
        path.to_str().expect("text"),
        "--print-cron",
    ]);
    cron.assert_exit(0);
    assert!(cron.stdout.contains("--unix-socket '"), "{}", cron.stdout);

    sandbox.run(&["smoke", "--unix-socket", "/run/app.sock"]).assert_exit(2);
    sandbox.config("[site]\nurl = \"http://shop.test/\"\nunix_socket = \"nobody.sock\"\n");
    let nobody = sandbox.run(&["smoke"]);
    nobody.assert_exit(2);
    assert!(
        nobody.stderr.contains("no Unix socket at") && nobody.stderr.contains("nobody.sock"),
        "{}",
        nobody.stderr
    );
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
    let sandbox = Sandbox::new("hanging");
    sandbox.config("[crawl]\ntimeout = \"1s\"\n");
    sandbox.run(&["run", "--attach", &site.url()]).assert_exit(6);
}

#[test]
fn nobody_listens() {
    let sandbox = Sandbox::new("nobody");
    let ended = sandbox.run(&["run", "--attach", &format!("http://127.0.0.1:{}/", free_port())]);
    ended.assert_exit(5);
    assert!(sandbox.latest().has("report.html"), "a report says so");
}

#[test]
fn a_plain_static_nginx_gives_a_useful_report() {
    let _machine = lock_machine();
    let sandbox = Sandbox::new("static_nginx");
    let port = free_port();
    let web = sandbox.folder.join("web");
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
    let config = sandbox.folder.join("nginx.conf");
    let dir = sandbox.folder.display();
    fs::write(&config, format!("daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log; user root;\nevents {{}}\nhttp {{ include /etc/nginx/mime.types; access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;\nserver {{ listen 127.0.0.1:{port}; root {dir}/web; }} }}\n")).expect("write");
    let nginx = start(
        &Program::new("nginx").args(["-c", config.to_str().expect("path"), "-e", "stderr"]),
        "nginx",
        &sandbox.folder.join("nginx.log"),
    );
    wait_for(port);
    sandbox.config(SHORT);
    let ended = sandbox.run(&["run", "--attach", &format!("http://127.0.0.1:{port}/")]);
    let run = sandbox.latest();
    ended.assert_success(&run);
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

/// A certificate for 127.0.0.1 and the authority that signed it, as PEM files `ca.pem`, `site.pem` and `site.key`.
fn certificates(folder: &Path) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("key");
    let authority = params.self_signed(&key).expect("certificate");
    let own = KeyPair::generate().expect("key");
    let site = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("name");
    let site = site.signed_by(&own, &Issuer::new(params, key)).expect("certificate");
    for (name, text) in
        [("ca.pem", authority.pem()), ("site.pem", site.pem()), ("site.key", own.serialize_pem())]
    {
        fs::write(folder.join(name), text).expect("write");
    }
}

#[test]
fn nginx_is_loaded_by_https_and_http2() {
    let _machine = lock_machine();
    let sandbox = Sandbox::new("https");
    let (port, dir) = (free_port(), sandbox.folder.display());
    certificates(&sandbox.folder);
    fs::create_dir_all(sandbox.folder.join("web")).expect("web");
    fs::write(sandbox.folder.join("web/index.html"), "<title>Home</title><a href=/about.html>a</a>")
        .expect("write");
    fs::write(sandbox.folder.join("web/about.html"), "<title>About</title><a href=/>home</a>")
        .expect("write");
    let config = sandbox.folder.join("nginx.conf");
    fs::write(&config, format!("daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log; user root;\nevents {{}}\nhttp {{ include /etc/nginx/mime.types; access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;\nserver {{ listen 127.0.0.1:{port} ssl http2; ssl_certificate {dir}/site.pem; ssl_certificate_key {dir}/site.key; root {dir}/web; }} }}\n")).expect("write");
    let nginx = start(
        &Program::new("nginx").args(["-c", config.to_str().expect("path"), "-e", "stderr"]),
        "nginx",
        &sandbox.folder.join("nginx.log"),
    );
    wait_for(port);
    let url = format!("https://127.0.0.1:{port}/");
    // Nobody on this machine trusts it.
    sandbox.config(SHORT);
    sandbox.run(&["smoke", "--attach", &url]).assert_exit(5);
    // A path in the file is taken from where the file is; by the flag, from here.
    sandbox.config(&format!("{SHORT}[site]\nca_file = \"ca.pem\"\n"));
    for (flags, http) in [(&[][..], "1.1"), (&["--http2", "--cacert", "ca.pem"], "2")] {
        let ended = sandbox.run(&[&["load", "--attach", &url][..], flags].concat());
        let run = sandbox.latest();
        ended.assert_success(&run);
        for name in ["closed", "open"] {
            let phase = run.json(&format!("load/{name}.json"));
            assert!(phase["requests"].as_u64() > Some(10) && phase["errors"] == 0, "{phase}");
            assert_eq!(phase["http"], http);
            let (connects, handshakes) = (&phase["connect_us"]["count"], &phase["tls_us"]["count"]);
            assert_eq!(connects, handshakes, "each connection has one handshake");
        }
        let report = run.text("report.md");
        assert_eq!(report.contains("for 4 s over HTTP/2"), http == "2", "{report}");
    }
    nginx.stop(Duration::from_secs(3)).expect("stop");
}

/// The Python of the reference stack's own environment, made by an earlier run or made now.
fn python() -> PathBuf {
    let sandbox = Sandbox::new("python_for_attach");
    sandbox.run(&["up"]).assert_exit(0);
    let status = sandbox.run(&["status", "--format", "json"]);
    sandbox.run(&["down"]).assert_exit(0);
    let cache = fs::canonicalize(sandbox.home.join("cache")).expect("cache");
    let found = fs::read_dir(&cache)
        .expect("cache")
        .flatten()
        .map(|e| e.path().join("bin/python"))
        .find(|p| p.exists());
    found.unwrap_or_else(|| panic!("no environment in {}: {}", cache.display(), status.stdout))
}

#[test]
fn a_startproject_site_with_one_app_gives_a_useful_report() {
    let _machine = lock_machine();
    let python = python();
    let sandbox = Sandbox::new("startproject");
    let run = |args: &[&str]| {
        Program::new(&python)
            .args(args)
            .cwd(&sandbox.folder)
            .run(Duration::from_mins(1))
            .expect("django-admin");
    };
    run(&["-m", "django", "startproject", "mysite", "."]);
    run(&["manage.py", "startapp", "pages"]);
    let append = |file: &str, text: &str| {
        let path = sandbox.folder.join(file);
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
        .cwd(&sandbox.folder);
    let service = start(&gunicorn, "gunicorn", &sandbox.folder.join("gunicorn.log"));
    wait_for(port);
    sandbox.config(SHORT);
    let ended = sandbox.run(&["run", "--attach", &format!("http://127.0.0.1:{port}/")]);
    ended.assert_success(&sandbox.latest());
    let summary = sandbox.latest().json("summary.json");
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
