//! Fills the configuration templates of proxy and server. Pure: text and values in, text out.
//!
//! A variable that a template asks for and that is neither given nor defaulted there is an error, never an empty string.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use crate::topology::{Balance, ProxySettings};
use crate::{StackError, assets};

/// What `proxy/nginx.conf.j2` is filled with; what is not listed keeps the template's default.
#[derive(Debug, Serialize)]
pub(super) struct NginxConf {
    pub(super) run_dir: String,
    /// Whom the workers run as, when the master is root.
    pub(super) user: Option<&'static str>,
    pub(super) listen: String,
    pub(super) upstreams: Vec<String>,
    pub(super) static_root: Option<String>,
    pub(super) proxy_cache: bool,
    #[serde(flatten)]
    pub(super) chosen: ChosenConf,
    pub(super) worker_rlimit_nofile: u64,
    pub(super) worker_connections: u64,
}

/// What may be chosen of nginx; absent keeps the template's default.
#[derive(Debug, Default, Serialize)]
pub(super) struct ChosenConf {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gzip: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_keepalive_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) upstream_keepalive: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) balance: Option<&'static str>,
}

impl ChosenConf {
    /// What the settings choose.
    pub(super) fn of(settings: &ProxySettings) -> Self {
        Self {
            cache_seconds: settings.cache_seconds,
            gzip: settings.gzip,
            client_keepalive_seconds: settings.client_keepalive_seconds,
            upstream_keepalive: settings.upstream_keepalive,
            balance: settings.balance.and_then(Balance::directive),
        }
    }
}

/// What `server/gunicorn.conf.py.j2` is filled with.
#[derive(Debug, Serialize)]
pub(super) struct GunicornConf {
    pub(super) run_dir: String,
    pub(super) app_dir: String,
    pub(super) bind: Vec<String>,
    pub(super) workers: u16,
    pub(super) threads: u16,
    pub(super) worker_class: &'static str,
}

/// What `server/supervisord.conf.j2` is filled with. The site's variables are not among it: they come by inheritance, so
/// that no secret is written to a file.
#[derive(Debug, Serialize)]
pub(super) struct SupervisorConf {
    pub(super) run_dir: String,
    pub(super) app_dir: String,
    pub(super) user: Option<&'static str>,
    pub(super) programs: Vec<SupervisedProgram>,
}

/// One program that supervisor keeps alive.
#[derive(Debug, Serialize)]
pub(super) struct SupervisedProgram {
    pub(super) name: &'static str,
    pub(super) argv: Vec<String>,
}

/// Renders the embedded template `folder/name`.
pub(super) fn render(folder: &str, name: &str, values: &impl Serialize) -> Result<String, StackError> {
    let bad = |why: String| StackError::Template { name: format!("{folder}/{name}"), why };
    let text = assets::text(folder, name).ok_or_else(|| bad("it is not embedded".to_owned()))?;
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
    environment.set_syntax(syntax.map_err(|error| bad(error.to_string()))?);
    // Configuration files are no HTML, whatever their names end in.
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment
        .render_named_str(name, text, minijinja::value::Serde(values))
        .map_err(|error| bad(format!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nginx() -> NginxConf {
        NginxConf {
            run_dir: "/srv/run".to_owned(),
            user: None,
            listen: "127.0.0.1:18080".to_owned(),
            upstreams: vec!["127.0.0.1:18081".to_owned()],
            static_root: Some("/srv/run/data/static".to_owned()),
            proxy_cache: true,
            chosen: ChosenConf::default(),
            worker_rlimit_nofile: 8192,
            worker_connections: 2048,
        }
    }

    #[test]
    fn nginx_conf() {
        insta::assert_snapshot!(render("proxy", "nginx.conf.j2", &nginx()).unwrap());
    }

    #[test]
    fn nginx_conf_as_root_without_a_cache() {
        let conf = NginxConf { user: Some("root"), proxy_cache: false, static_root: None, ..nginx() };
        let text = render("proxy", "nginx.conf.j2", &conf).unwrap();
        assert!(text.contains("\nuser root;") && !text.contains("proxy_cache_path"), "{text}");
    }

    #[test]
    fn what_is_chosen_of_nginx_is_in_its_file() {
        let settings = ProxySettings {
            cache: true,
            cache_seconds: Some(7),
            gzip: Some(false),
            client_keepalive_seconds: Some(0),
            upstream_keepalive: Some(16),
            balance: Some(Balance::LeastConn),
            ..ProxySettings::default()
        };
        let conf = NginxConf { chosen: ChosenConf::of(&settings), ..nginx() };
        let text = render("proxy", "nginx.conf.j2", &conf).unwrap();
        for line in [
            "proxy_cache_valid 200 301 302 7s;",
            "gzip off;",
            "keepalive_timeout 0;",
            "keepalive 16;",
            "least_conn;",
            "proxy_set_header Connection \"\";",
        ] {
            assert!(text.contains(line), "{line} is missing from:\n{text}");
        }
        let plain = NginxConf { chosen: ChosenConf::of(&ProxySettings::default()), ..nginx() };
        assert_eq!(
            render("proxy", "nginx.conf.j2", &plain).unwrap(),
            render("proxy", "nginx.conf.j2", &nginx()).unwrap()
        );
    }

    #[test]
    fn gunicorn_conf() {
        let conf = GunicornConf {
            run_dir: "/srv/run".to_owned(),
            app_dir: "/srv/it's/bookstore".to_owned(),
            bind: vec!["127.0.0.1:18081".to_owned()],
            workers: 2,
            threads: 1,
            worker_class: "sync",
        };
        insta::assert_snapshot!(render("server", "gunicorn.conf.py.j2", &conf).unwrap());
    }

    #[test]
    fn supervisord_conf() {
        let argv = ["/a b/100%/it's/python", "-m", "gunicorn"].map(str::to_owned).to_vec();
        let conf = SupervisorConf {
            run_dir: "/srv/run".to_owned(),
            app_dir: "/srv/100%/bookstore".to_owned(),
            user: Some("root"),
            programs: vec![SupervisedProgram { name: "gunicorn", argv }],
        };
        insta::assert_snapshot!(render("server", "supervisord.conf.j2", &conf).unwrap());
    }

    #[test]
    fn a_value_that_is_missing_is_an_error() {
        let error = render("proxy", "nginx.conf.j2", &()).unwrap_err().to_string();
        assert!(error.contains("undefined"), "{error}");
        assert!(render("proxy", "no-such", &()).is_err());
    }
}
