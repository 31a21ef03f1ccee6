//! Versions of the programs in the containers, queried once per set of images and cached.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kneepoint_model::cancel::Cancel;

use super::base::BaseImage;
use super::docker::{self, Docker, SHORT};
use super::images::ImageSet;
use super::project::Project;
use crate::error::StackError;
use crate::host::hash::ContentHash;

/// Python packages that reports name.
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

/// From the file in `cache`, else from the images themselves.
pub(super) fn image_versions(
    docker: &Docker,
    images: &ImageSet,
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
    let versions = query_versions(docker, images, project, cancel)?;
    if let Ok(text) = serde_json::to_vec_pretty(&versions) {
        // Only a cache: a failure to write it costs time next time.
        let _ = fs::write(&path, text);
    }
    Ok(versions)
}

fn query_versions(
    docker: &Docker,
    images: &ImageSet,
    project: &Project,
    cancel: &Cancel,
) -> Result<BTreeMap<String, String>, StackError> {
    let mut versions = BTreeMap::new();
    let label = project.label();
    let run = |image: &str, entry: &str, args: &[&str]| -> Result<String, StackError> {
        let fixed = ["run", "--rm", "--network", "none", "--label", &label, "--entrypoint", entry, image];
        let all: Vec<&str> = fixed.into_iter().chain(args.iter().copied()).collect();
        let result = docker::run_tool(
            docker.command(&all),
            "querying the versions in an image",
            SHORT,
            cancel,
            &mut |_, _| {},
        )?;
        Ok(format!("{}\n{}", result.stdout_text(), result.stderr_tail))
    };
    if let Some(server) = &images.server {
        let output = run(&server.name, "python", &["--version"])?;
        versions.extend(parse_version_number(&output).map(|version| ("python".to_owned(), version)));
        versions.extend(parse_packages(&run(
            &server.name,
            "python",
            &["-m", "pip", "list", "--format=freeze"],
        )?));
    }
    for (base, image) in &images.bases {
        let Some((name, program, args)) = version_command(*base) else { continue };
        let output = run(&image.name, program, args)?;
        versions.extend(parse_version_number(&output).map(|version| (name.to_owned(), version)));
    }
    Ok(versions)
}

const fn version_command(base: BaseImage) -> Option<(&'static str, &'static str, &'static [&'static str])> {
    Some(match base {
        BaseImage::Nginx => ("nginx", "nginx", &["-v"]),
        BaseImage::Haproxy => ("haproxy", "haproxy", &["-v"]),
        BaseImage::Mysql => ("mysql", "mysqld", &["--version"]),
        BaseImage::Redis => ("redis", "redis-server", &["--version"]),
        BaseImage::Memcached => ("memcached", "memcached", &["-V"]),
        BaseImage::Debian | BaseImage::Python => return None,
    })
}

/// The first number with a dot: `nginx/1.30.6`, `v=8.0.6`, `Ver 9.7.4`, `3.13.9`.
fn parse_version_number(text: &str) -> Option<String> {
    text.split(|c: char| c.is_whitespace() || "/=(),".contains(c)).find_map(|word| {
        let version: String = word.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let version = version.trim_end_matches('.');
        (version.contains('.') && version.starts_with(|c: char| c.is_ascii_digit()))
            .then(|| version.to_owned())
    })
}

/// Parses lines such as `Django==5.2.19`; only [`PACKAGES`] are kept.
fn parse_packages(text: &str) -> BTreeMap<String, String> {
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
    fn versions_as_programs_print_them() {
        for (output, version) in [
            ("nginx version: nginx/1.30.6\n", "1.30.6"),
            ("HAProxy version 3.2.9-1 2025/11/21 - https://haproxy.org/\n", "3.2.9"),
            ("/usr/sbin/mysqld  Ver 9.7.4 for debian-linux-gnu on x86_64 (Debian)\n", "9.7.4"),
            ("Redis server v=8.0.6 sha=00000000:1 malloc=jemalloc-5.3.0 bits=64\n", "8.0.6"),
            ("memcached 1.6.45\n", "1.6.45"),
            ("Python 3.13.9\n", "3.13.9"),
        ] {
            let found = parse_version_number(output).unwrap_or_default();
            assert_eq!(found, version, "{output}");
        }
        assert_eq!(parse_version_number("nothing here"), None);
    }

    #[test]
    fn packages_that_are_named() {
        let text = "asgiref==3.13.0\nDjango==5.2.19\ngunicorn==27.0.1\nCelery==5.6.0\n";
        let names: Vec<String> = parse_packages(text).into_keys().collect();
        assert_eq!(names, ["Django", "celery", "gunicorn"]);
    }
}
