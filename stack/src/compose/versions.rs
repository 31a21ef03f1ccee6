//! Versions of what runs in the containers, asked once for each set of images and kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kneepoint_model::cancel::Cancel;

use super::base::Base;
use super::docker::{self, Docker, SHORT};
use super::images::Images;
use super::project::Project;
use crate::StackError;
use crate::hash::ContentHash;

/// Packages of Python that a report should name.
const PACKAGES: [&str; 9] = [
    "Django",
    "djangorestframework",
    "gunicorn",
    "supervisor",
    "whitenoise",
    "mysqlclient",
    "redis",
    "pymemcache",
    "celery",
];

/// The versions, from the file in `cache` or from the images themselves.
pub(super) fn of(
    docker: &Docker,
    images: &Images,
    cache: &Path,
    project: &Project,
    cancel: &Cancel,
) -> Result<BTreeMap<String, String>, StackError> {
    let ids = images.bases.values().chain(&images.server).map(|image| image.id.as_str());
    let name = ids.fold(ContentHash::new(), |hash, id| hash.part(id.as_bytes())).short();
    let path = cache.join(format!("compose-versions-{name}.json"));
    if let Some(known) = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok()) {
        return Ok(known);
    }
    let asked = ask(docker, images, project, cancel)?;
    if let Ok(text) = serde_json::to_vec_pretty(&asked) {
        // Only to be quicker next time.
        let _ = fs::write(&path, text);
    }
    Ok(asked)
}

fn ask(
    docker: &Docker,
    images: &Images,
    project: &Project,
    cancel: &Cancel,
) -> Result<BTreeMap<String, String>, StackError> {
    let mut versions = BTreeMap::new();
    let label = project.label();
    let run = |image: &str, entry: &str, args: &[&str]| -> Result<String, StackError> {
        let fixed = ["run", "--rm", "--network", "none", "--label", &label, "--entrypoint", entry, image];
        let all: Vec<&str> = fixed.into_iter().chain(args.iter().copied()).collect();
        let output = docker::run(
            docker.command(&all),
            "asking an image for its version",
            SHORT,
            cancel,
            &mut |_, _| {},
        )?;
        Ok(format!("{}\n{}", output.stdout_text(), output.stderr_tail))
    };
    if let Some(server) = &images.server {
        let said = run(&server.name, "python", &["--version"])?;
        versions.extend(number(&said).map(|version| ("python".to_owned(), version)));
        versions.extend(packages(&run(&server.name, "python", &["-m", "pip", "list", "--format=freeze"])?));
    }
    for (base, image) in &images.bases {
        let Some((name, program, args)) = question(*base) else { continue };
        let said = run(&image.name, program, args)?;
        versions.extend(number(&said).map(|version| (name.to_owned(), version)));
    }
    Ok(versions)
}

const fn question(base: Base) -> Option<(&'static str, &'static str, &'static [&'static str])> {
    Some(match base {
        Base::Nginx => ("nginx", "nginx", &["-v"]),
        Base::Haproxy => ("haproxy", "haproxy", &["-v"]),
        Base::Mysql => ("mysql", "mysqld", &["--version"]),
        Base::Redis => ("redis", "redis-server", &["--version"]),
        Base::Memcached => ("memcached", "memcached", &["-V"]),
        Base::Debian | Base::Python => return None,
    })
}

/// The first word that looks like a version: `nginx/1.30.6`, `v=8.0.6`, `Ver 9.7.4`, `3.13.9`.
fn number(text: &str) -> Option<String> {
    text.split(|c: char| c.is_whitespace() || "/=(),".contains(c)).find_map(|word| {
        let version: String = word.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let version = version.trim_end_matches('.');
        (version.contains('.') && version.starts_with(|c: char| c.is_ascii_digit()))
            .then(|| version.to_owned())
    })
}

/// `Django==5.2.19`, a line each.
fn packages(text: &str) -> BTreeMap<String, String> {
    let pairs = text.lines().filter_map(|line| line.trim().split_once("=="));
    let wanted = pairs.filter_map(|(name, version)| {
        let known = PACKAGES.iter().find(|known| known.eq_ignore_ascii_case(name))?;
        Some(((*known).to_owned(), version.to_owned()))
    });
    wanted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_programs_say_them() {
        for (said, version) in [
            ("nginx version: nginx/1.30.6\n", "1.30.6"),
            ("HAProxy version 3.2.9-1 2025/11/21 - https://haproxy.org/\n", "3.2.9"),
            ("/usr/sbin/mysqld  Ver 9.7.4 for debian-linux-gnu on x86_64 (Debian)\n", "9.7.4"),
            ("Redis server v=8.0.6 sha=00000000:1 malloc=jemalloc-5.3.0 bits=64\n", "8.0.6"),
            ("memcached 1.6.45\n", "1.6.45"),
            ("Python 3.13.9\n", "3.13.9"),
        ] {
            let found = number(said).unwrap_or_default();
            assert_eq!(found, version, "{said}");
        }
        assert_eq!(number("nothing here"), None);
    }

    #[test]
    fn packages_that_are_named() {
        let text = "asgiref==3.13.0\nDjango==5.2.19\ngunicorn==27.0.1\nCelery==5.6.0\n";
        let names: Vec<String> = packages(text).into_keys().collect();
        assert_eq!(names, ["Django", "celery", "gunicorn"]);
    }
}
