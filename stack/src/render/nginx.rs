//! The context of nginx's template, `proxy/nginx.conf.j2`.

use serde::Serialize;

use super::{Backend, render};
use crate::error::StackError;
use crate::topology::ProxySettings;

/// A further site, distinguished by its domain name.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ExtraSite {
    /// The name of its upstream.
    pub(crate) name: String,
    /// In nginx's syntax, e.g. `hello.*`.
    pub(crate) server_name: String,
    /// Its app servers.
    pub(crate) upstreams: Vec<Backend>,
}

/// The source of `/media/`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "lowercase", tag = "from")]
pub(crate) enum Media {
    /// A folder that nginx can read.
    Folder { path: String },
    /// A bucket of an S3-compatible store that anonymous users may read.
    Store {
        /// `host:port` of the store.
        address: String,
        bucket: String,
    },
}

/// Values of the template; settings not listed here keep the template's default.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NginxConf {
    /// The folder of pid file, logs (in `logs/`), temporary files and cache.
    pub(crate) run_dir: String,
    /// The user of the workers, when the master is root.
    pub(crate) user: Option<String>,
    /// Any address: `127.0.0.1:18080`, `80`, `unix:/path`.
    pub(crate) listen: String,
    pub(crate) upstreams: Vec<Backend>,
    /// Sites beside the main one.
    pub(crate) extra_sites: Vec<ExtraSite>,
    /// The folder filled by `collectstatic`; `None` leaves static files to the app servers.
    pub(crate) static_root: Option<String>,
    /// `None` leaves `/media/` to the app servers.
    pub(crate) media: Option<Media>,
    /// Networks besides the loopback that may read its status page.
    pub(crate) status_from: Vec<String>,
    #[serde(flatten)]
    pub(crate) settings: ProxySettings,
    /// Whether this nginx can keep idle client connections while it is reloaded (`keepalive_min_timeout`, since 1.27.4).
    pub(crate) keeps_clients: bool,
    pub(crate) worker_rlimit_nofile: u64,
    /// Connections per worker; a proxied request in flight takes two.
    pub(crate) worker_connections: u64,
}

impl NginxConf {
    pub(crate) fn text(&self) -> Result<String, StackError> {
        render("proxy", "nginx.conf.j2", self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Balance;

    fn backend(name: &str, address: &str) -> Backend {
        Backend { name: name.to_owned(), address: address.to_owned() }
    }

    fn nginx() -> NginxConf {
        NginxConf {
            run_dir: "/srv/run".to_owned(),
            user: None,
            listen: "127.0.0.1:18080".to_owned(),
            upstreams: vec![backend("app-1", "127.0.0.1:18081")],
            extra_sites: Vec::new(),
            static_root: Some("/srv/run/data/static".to_owned()),
            media: None,
            status_from: Vec::new(),
            settings: ProxySettings { cache: true, ..ProxySettings::default() },
            keeps_clients: false,
            worker_rlimit_nofile: 8192,
            worker_connections: 2048,
        }
    }

    #[test]
    fn nginx_conf() {
        insta::assert_snapshot!(nginx().text().unwrap());
    }

    #[test]
    fn nginx_conf_with_everything() {
        let conf = NginxConf {
            user: Some("root".to_owned()),
            listen: "80".to_owned(),
            upstreams: vec![backend("app-1", "server:8000"), backend("app-2", "server2:8000")],
            extra_sites: vec![ExtraSite {
                name: "hello".to_owned(),
                server_name: "hello.*".to_owned(),
                upstreams: vec![backend("hello", "unix:/run/kp/hello.sock")],
            }],
            media: Some(Media::Store { address: "objects:9000".to_owned(), bucket: "media".to_owned() }),
            settings: ProxySettings {
                cache: true,
                balance: Some(Balance::LeastConn),
                max_fails: Some(2),
                upstream_keepalive: Some(16),
                cache_seconds: Some(7),
                ..ProxySettings::default()
            },
            keeps_clients: true,
            ..nginx()
        };
        insta::assert_snapshot!(conf.text().unwrap());
    }

    #[test]
    fn disabled_features_are_absent() {
        let settings = ProxySettings {
            gzip: Some(false),
            client_keepalive_seconds: Some(0),
            balance: Some(Balance::RoundRobin),
            ..ProxySettings::default()
        };
        let conf = NginxConf { static_root: None, settings, ..nginx() };
        let text = conf.text().unwrap();
        for absent in
            ["proxy_cache", "gzip on", "location /static/", "location /media/", "\nuser ", "round_robin"]
        {
            assert!(!text.contains(absent), "{absent} in {text}");
        }
        for present in ["keepalive_timeout 0;", "gzip off;", "proxy_set_header Connection close;"] {
            assert!(text.contains(present), "no {present} in {text}");
        }
    }

    #[test]
    fn media_from_a_folder() {
        let media = Some(Media::Folder { path: "/srv/run/data/media".to_owned() });
        let text = NginxConf { media, ..nginx() }.text().unwrap();
        assert!(text.contains("alias \"/srv/run/data/media/\";"), "{text}");
    }
}
