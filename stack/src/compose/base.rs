//! Base images of `compose.yaml`: which service runs on which image. Pure.

use std::collections::BTreeSet;

use super::service::ComposeService;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum BaseImage {
    /// Engine and object store, which are kneepoint itself.
    Debian,
    /// The base of the site's image.
    Python,
    Nginx,
    Haproxy,
    Mysql,
    Redis,
    Memcached,
}

impl BaseImage {
    #[cfg(test)]
    const ALL: [Self; 7] =
        [Self::Debian, Self::Python, Self::Nginx, Self::Haproxy, Self::Mysql, Self::Redis, Self::Memcached];

    /// The variable of `compose.yaml` that names another image.
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

    /// The official image; a test compares it with the default in `compose.yaml`.
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

    const fn for_service(service: ComposeService) -> Self {
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

    /// The base images of these services. Debian always, since it fills the volumes.
    pub(super) fn required_by(services: &BTreeSet<ComposeService>) -> BTreeSet<Self> {
        services
            .iter()
            .map(|service| Self::for_service(*service))
            .chain([Self::Debian, Self::Python])
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_official_images_are_those_of_the_file() {
        let file = include_str!("../../reference/compose.yaml");
        for base in BaseImage::ALL {
            let default = format!("${{{}:-{}}}", base.variable(), base.official());
            assert!(file.contains(&default), "compose.yaml has no {default}");
        }
    }

    #[test]
    fn each_service_requires_its_base_image() {
        let required =
            |services: &[ComposeService]| BaseImage::required_by(&services.iter().copied().collect());
        assert_eq!(required(&[ComposeService::Server]), [BaseImage::Debian, BaseImage::Python].into());
        let more = required(&[
            ComposeService::Server,
            ComposeService::Db,
            ComposeService::Proxy,
            ComposeService::Worker,
        ]);
        assert_eq!(more, [BaseImage::Debian, BaseImage::Python, BaseImage::Nginx, BaseImage::Mysql].into());
    }
}
