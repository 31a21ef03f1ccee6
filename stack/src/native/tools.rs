//! Programs that a topology needs beside Python. They are located before anything is started, so that a missing one is
//! reported at once, with the command that installs it.

use std::path::PathBuf;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_process::{Program, find};

use super::required_services::RequiredServices;
use crate::error::StackError;
use crate::host::exec;
use crate::version;

/// An installed program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tool {
    pub(crate) path: PathBuf,
    /// E.g. `1.22.1`, or `of unknown version`.
    pub(crate) version: String,
}

/// The programs that a topology needs; the others are `None`.
#[derive(Debug, Clone, Default)]
pub(super) struct Tools {
    pub(super) nginx: Option<Tool>,
    pub(super) haproxy: Option<Tool>,
    pub(super) redis: Option<Tool>,
    pub(super) memcached: Option<Tool>,
}

impl Tools {
    /// # Errors
    /// `ToolMissing` for the first that is not installed.
    pub(super) fn locate(services: RequiredServices, cancel: &Cancel) -> Result<Self, StackError> {
        let tool = |wanted: bool, spec: &ToolSpec| wanted.then(|| spec.locate(cancel)).transpose();
        Ok(Self {
            nginx: tool(services.proxy, &NGINX)?,
            haproxy: tool(services.balancer, &HAPROXY)?,
            redis: tool(services.redis, &REDIS)?,
            memcached: tool(services.memcached, &MEMCACHED)?,
        })
    }

    /// Versions by the names that reports use.
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

/// How a program is located and asked for its version.
pub(super) struct ToolSpec {
    name: &'static str,
    fix: &'static str,
    /// The argument that makes it print its version.
    version_arg: &'static str,
    /// The text just before the version in its output.
    version_prefix: &'static str,
}

pub(super) const NGINX: ToolSpec = ToolSpec {
    name: "nginx",
    fix: "`apt install nginx`, or use the topology gunicorn",
    version_arg: "-v",
    version_prefix: "nginx/",
};
pub(super) const HAPROXY: ToolSpec = ToolSpec {
    name: "haproxy",
    fix: "`apt install haproxy`, or use the topology balanced, where nginx balances the load",
    version_arg: "-v",
    version_prefix: "version ",
};
pub(super) const REDIS: ToolSpec = ToolSpec {
    name: "redis-server",
    fix: "`apt install redis-server`, or use a topology without Redis (only `cached` and `queued` need it)",
    version_arg: "--version",
    version_prefix: "v=",
};
pub(super) const MEMCACHED: ToolSpec = ToolSpec {
    name: "memcached",
    fix: "`apt install memcached`, or use `cache = \"redis\"`",
    version_arg: "--version",
    version_prefix: "memcached ",
};

impl ToolSpec {
    pub(super) fn locate(&self, cancel: &Cancel) -> Result<Tool, StackError> {
        let missing = || StackError::ToolMissing { program: self.name, fix: self.fix };
        let path = find(self.name).ok_or_else(missing)?;
        let ask = Program::new(&path).arg(self.version_arg);
        let step = "asking a program for its version";
        let output = exec::run(ask, step, Duration::from_secs(10), cancel, &mut |_, _| {})?;
        let output_text = format!("{}\n{}", output.stdout_text(), output.stderr_tail);
        let version = parse_version(&output_text, self.version_prefix)
            .unwrap_or_else(|| "of unknown version".to_owned());
        Ok(Tool { path, version })
    }
}

impl Tool {
    pub(super) fn is_at_least(&self, wanted: (u32, u32, u32)) -> bool {
        version::is_at_least(&self.version, wanted)
    }
}

fn parse_version(output: &str, prefix: &str) -> Option<String> {
    let rest = output.split(prefix).nth(1)?;
    let version: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    (!version.is_empty()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_the_programs_print_them() {
        for (spec, output, wanted) in [
            (&NGINX, "nginx version: nginx/1.22.1\n", Some("1.22.1")),
            (&NGINX, "nginx version: nginx/1.18.0 (Ubuntu)", Some("1.18.0")),
            (&NGINX, "something else", None),
            (&HAPROXY, "HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/", Some("2.6.12")),
            (&REDIS, "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0", Some("7.0.15")),
            (&MEMCACHED, "memcached 1.6.18", Some("1.6.18")),
        ] {
            assert_eq!(parse_version(output, spec.version_prefix).as_deref(), wanted, "{output}");
        }
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let tool = |version: &str| Tool { path: "/nginx".into(), version: version.to_owned() };
        for (version, expected) in
            [("1.22.1", true), ("1.19.5", true), ("2.0", true), ("1.18.0", false), ("of unknown", false)]
        {
            assert_eq!(tool(version).is_at_least((1, 19, 5)), expected, "{version}");
        }
    }

    #[test]
    fn a_missing_program_is_reported_with_what_installs_it() {
        let spec = ToolSpec { name: "no-such-program-of-kneepoint", ..REDIS };
        let error = spec.locate(&Cancel::new()).unwrap_err().to_string();
        assert!(error.contains("is not installed; `apt install redis-server`"), "{error}");
    }
}
