//! Base images of `compose.yaml`: which service runs on which, and the official ones. Pure.

use std::collections::BTreeSet;

use super::service::ComposeService;

/// A base image of `compose.yaml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Base {
    /// Runs kneepoint's own programs.
    Debian,
    /// Below the site's image.
    Python,
    /// The proxy.
    Nginx,
    /// The balancer.
    Haproxy,
    /// The database.
    Mysql,
    /// Cache and queue.
    Redis,
    /// Cache.
    Memcached,
}

impl Base {
    #[cfg(test)]
    const ALL: [Self; 7] =
        [Self::Debian, Self::Python, Self::Nginx, Self::Haproxy, Self::Mysql, Self::Redis, Self::Memcached];

    /// The variable of `compose.yaml`, by which users name another image.
    pub(super) const fn variable(self) -> &'static str {
        match self {
            Self::Debian => "KP_DEBIAN_IMAGE",
            Self::Python => "KP_PYTHON_IMAGE",
            Self::Nginx => "KP_NGINX_IMAGE",
            Self::Haproxy => "KP_HAPROXY_IMAGE",
            Self::Mysql => "KP_MYSQL_IMAGE",
            Self::Redis => "KP_REDIS_IMAGE",
            Self::Memcached => "KP_MEMCACHED_IMAGE",
        }
    }

    /// The official image; a test keeps it equal to the default in `compose.yaml`.
    pub(super) const fn official(self) -> &'static str {
        match self {
            Self::Debian => "debian:13-slim",
            Self::Python => "python:3.13-slim",
            Self::Nginx => "nginx:1.30",
            Self::Haproxy => "haproxy:3.2",
            Self::Mysql => "mysql:9.7",
            Self::Redis => "redis:8",
            Self::Memcached => "memcached:1.6",
        }
    }

    const fn of(service: ComposeService) -> Self {
        match service {
            ComposeService::Proxy => Self::Nginx,
            ComposeService::Balancer => Self::Haproxy,
            ComposeService::Server
            | ComposeService::Server2
            | ComposeService::Hello
            | ComposeService::Worker => Self::Python,
            ComposeService::Engine | ComposeService::Objects => Self::Debian,
            ComposeService::Db => Self::Mysql,
            ComposeService::Redis => Self::Redis,
            ComposeService::Memcached => Self::Memcached,
        }
    }

    /// What these services run on. Debian always: it fills the volumes.
    pub(super) fn needed(services: &BTreeSet<ComposeService>) -> BTreeSet<Self> {
        services.iter().map(|service| Self::of(*service)).chain([Self::Debian, Self::Python]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_official_images_are_those_of_the_file() {
        let file = include_str!("../../reference/compose.yaml");
        for base in Base::ALL {
            let default = format!("${{{}:-{}}}", base.variable(), base.official());
            assert!(file.contains(&default), "compose.yaml has no {default}");
        }
    }

    #[test]
    fn what_is_needed() {
        let of = |services: &[ComposeService]| Base::needed(&services.iter().copied().collect());
        assert_eq!(of(&[ComposeService::Server]), [Base::Debian, Base::Python].into());
        let more =
            of(&[ComposeService::Server, ComposeService::Db, ComposeService::Proxy, ComposeService::Worker]);
        assert_eq!(more, [Base::Debian, Base::Python, Base::Nginx, Base::Mysql].into());
    }
}
