//! Programs that a topology needs beside Python: looked for before anything is started, so that what is missing is told
//! at once, with the command that brings it.

use std::path::PathBuf;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_process::{Program, find};

use super::wanted::Services;
use crate::{StackError, exec};

/// An installed program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tool {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// `1.22.1`.
    pub(crate) version: String,
}

/// What was found of what is needed.
#[derive(Debug, Clone, Default)]
pub(super) struct Tools {
    pub(super) nginx: Option<Tool>,
    pub(super) haproxy: Option<Tool>,
    pub(super) redis: Option<Tool>,
    pub(super) memcached: Option<Tool>,
}

impl Tools {
    /// Finds each that these services need.
    pub(super) fn locate(services: Services, cancel: &Cancel) -> Result<Self, StackError> {
        let tool = |wanted: bool, known: &Known| wanted.then(|| known.locate(cancel)).transpose();
        Ok(Self {
            nginx: tool(services.proxy, &NGINX)?,
            haproxy: tool(services.balancer, &HAPROXY)?,
            redis: tool(services.redis, &REDIS)?,
            memcached: tool(services.memcached, &MEMCACHED)?,
        })
    }

    /// The versions of all, by the names that reports use.
    pub(super) fn versions(&self) -> impl Iterator<Item = (String, String)> {
        let all = [
            ("nginx", &self.nginx),
            ("HAProxy", &self.haproxy),
            ("Redis", &self.redis),
            ("Memcached", &self.memcached),
        ];
        all.into_iter().filter_map(|(name, tool)| Some((name.to_owned(), tool.as_ref()?.version.clone())))
    }
}

/// What must be known of a program to find it.
pub(super) struct Known {
    name: &'static str,
    fix: &'static str,
    /// The argument that makes it say its version.
    ask: &'static str,
    /// What stands before the version.
    before: &'static str,
}

pub(super) const NGINX: Known = Known {
    name: "nginx",
    fix: "`apt install nginx`, or use the topology gunicorn",
    ask: "-v",
    before: "nginx/",
};
pub(super) const HAPROXY: Known = Known {
    name: "haproxy",
    fix: "`apt install haproxy`, or use the topology balanced, where nginx does its work",
    ask: "-v",
    before: "version ",
};
pub(super) const REDIS: Known = Known {
    name: "redis-server",
    fix: "`apt install redis-server`, or use a topology without Redis (it serves `cached` and `queued`)",
    ask: "--version",
    before: "v=",
};
pub(super) const MEMCACHED: Known = Known {
    name: "memcached",
    fix: "`apt install memcached`, or use `cache = \"redis\"`",
    ask: "--version",
    before: "memcached ",
};

impl Known {
    /// Finds it and asks for its version.
    pub(super) fn locate(&self, cancel: &Cancel) -> Result<Tool, StackError> {
        let missing = || StackError::ToolMissing { program: self.name, fix: self.fix };
        let path = find(self.name).ok_or_else(missing)?;
        let ask = Program::new(&path).arg(self.ask);
        let step = "asking a program for its version";
        let output = exec::run(ask, step, Duration::from_secs(10), cancel, &mut |_, _| {})?;
        let said = format!("{}\n{}", output.stdout_text(), output.stderr_tail);
        let version = version(&said, self.before).unwrap_or_else(|| "of unknown version".to_owned());
        Ok(Tool { path, version })
    }
}

impl Tool {
    /// Whether it is of this version or later.
    pub(super) fn is_since(&self, wanted: (u32, u32, u32)) -> bool {
        since(&self.version, wanted)
    }
}

/// Whether this version is that one or later.
pub(crate) fn since(version: &str, wanted: (u32, u32, u32)) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next()) >= wanted
}

fn version(said: &str, before: &str) -> Option<String> {
    let rest = said.split(before).nth(1)?;
    let version: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    (!version.is_empty()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_the_programs_say_them() {
        for (known, said, wanted) in [
            (&NGINX, "nginx version: nginx/1.22.1\n", Some("1.22.1")),
            (&NGINX, "nginx version: nginx/1.18.0 (Ubuntu)", Some("1.18.0")),
            (&NGINX, "something else", None),
            (&HAPROXY, "HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/", Some("2.6.12")),
            (&REDIS, "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0", Some("7.0.15")),
            (&MEMCACHED, "memcached 1.6.18", Some("1.6.18")),
        ] {
            assert_eq!(version(said, known.before).as_deref(), wanted, "{said}");
        }
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let tool = |version: &str| Tool { path: "/nginx".into(), version: version.to_owned() };
        for (version, is_since) in
            [("1.22.1", true), ("1.19.5", true), ("2.0", true), ("1.18.0", false), ("of unknown", false)]
        {
            assert_eq!(tool(version).is_since((1, 19, 5)), is_since, "{version}");
        }
    }

    #[test]
    fn a_program_that_is_missing_is_told_with_what_brings_it() {
        let known = Known { name: "no-such-program-of-kneepoint", ..REDIS };
        let error = known.locate(&Cancel::new()).unwrap_err().to_string();
        assert!(error.contains("is not installed; `apt install redis-server`"), "{error}");
    }
}
