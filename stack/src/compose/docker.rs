//! The tools: `docker`, and `docker compose` (v2) or `docker-compose` (v1). Everything is run through the process crate,
//! with a deadline and under the wish to stop.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_process::{Output, ProcessError, Program, Stream, find};

use super::daemon::{self, Daemon};
use crate::{StackError, exec};

/// For commands that only look or tell.
pub(super) const SHORT: Duration = Duration::from_secs(30);
/// The first `docker-compose` that reads our file: it waits for services that end by themselves.
const OLDEST: (u32, u32) = (1, 29);

/// Which compose is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Compose {
    /// `docker compose`.
    Plugin {
        /// Its version.
        version: String,
    },
    /// `docker-compose`.
    Standalone {
        /// Where it is.
        path: PathBuf,
        /// Its version.
        version: String,
    },
}

/// `docker`, found.
#[derive(Debug, Clone)]
pub(super) struct Docker {
    path: PathBuf,
}

/// What a compose command needs beside its arguments.
#[derive(Debug, Clone)]
pub(super) struct ComposeCall<'a> {
    /// The project.
    pub(super) project: &'a str,
    /// The folder of `compose.yaml`.
    pub(super) folder: &'a Path,
    /// The override file.
    pub(super) override_file: &'a Path,
    /// Variables of `compose.yaml`.
    pub(super) variables: &'a [(String, String)],
}

impl Docker {
    /// Finds `docker`.
    ///
    /// # Errors
    /// `ToolMissing`.
    pub(super) fn locate() -> Result<Self, StackError> {
        let missing = || StackError::ToolMissing {
            program: "docker",
            fix: "`apt install docker.io docker-compose`, or use the native driver (`--driver native`)",
        };
        find("docker").map(|path| Self { path }).ok_or_else(missing)
    }

    /// `docker` with these arguments.
    pub(super) fn command(&self, args: &[&str]) -> Program {
        quiet(Program::new(&self.path)).args(args)
    }

    /// Runs `docker` with these arguments and gives what it printed.
    ///
    /// # Errors
    /// `NoDaemon`, `DaemonDenied`, or `Step` with its last words.
    pub(super) fn ask(
        &self,
        args: &[&str],
        step: &'static str,
        deadline: Duration,
        cancel: &Cancel,
    ) -> Result<String, StackError> {
        run(self.command(args), step, deadline, cancel, &mut |_, _| {}).map(|output| output.stdout_text())
    }

    /// The daemon as it describes itself.
    pub(super) fn daemon(&self, cancel: &Cancel) -> Result<Daemon, StackError> {
        let step = "asking the Docker daemon";
        // Without contexts (before 19.03) only the variable can point elsewhere, which the next question shows anyway.
        let host =
            self.ask(&["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], step, SHORT, cancel);
        daemon::refuse_remote(&host.unwrap_or_default())?;
        Daemon::parse(&self.ask(&["info", "--format", "{{json .}}"], step, SHORT, cancel)?)
    }

    /// Finds compose: the plugin, otherwise the program.
    ///
    /// # Errors
    /// `ToolMissing` when there is neither, or only one that is too old.
    pub(super) fn compose(&self, cancel: &Cancel) -> Result<Compose, StackError> {
        let step = "asking for the version of compose";
        if let Ok(said) = self.ask(&["compose", "version", "--short"], step, SHORT, cancel)
            && let Some(version) = version(&said)
        {
            return Ok(Compose::Plugin { version });
        }
        if cancel.is_cancelled() {
            return Err(StackError::Cancelled);
        }
        let missing = || StackError::ToolMissing {
            program: "docker compose",
            fix: "`apt install docker-compose`, or the plugin `docker-compose-plugin`",
        };
        let path = find("docker-compose").ok_or_else(missing)?;
        let ask = quiet(Program::new(&path)).args(["version", "--short"]);
        let said = run(ask, step, SHORT, cancel, &mut |_, _| {})?.stdout_text();
        let version = version(&said).ok_or_else(missing)?;
        if numbers(&version) < OLDEST {
            return Err(StackError::ToolMissing {
                program: "docker compose in version 1.29 or later",
                fix: "the one that is installed is older; `apt install docker-compose`, or the plugin `docker-compose-plugin`",
            });
        }
        Ok(Compose::Standalone { path, version })
    }

    /// A compose command of one project.
    pub(super) fn compose_command(
        &self,
        compose: &Compose,
        call: &ComposeCall<'_>,
        args: &[&str],
    ) -> Program {
        let program = match compose {
            Compose::Plugin { .. } => quiet(Program::new(&self.path)).arg("compose"),
            Compose::Standalone { path, .. } => quiet(Program::new(path)),
        };
        let program = program
            .args(["--project-name", call.project, "--file"])
            .arg(call.folder.join("compose.yaml"))
            .arg("--file")
            .arg(call.override_file)
            .arg("--project-directory")
            .arg(call.folder)
            .args(args)
            .cwd(call.folder);
        call.variables.iter().fold(program, |program, (name, value)| program.env(name, value))
    }
}

impl Compose {
    /// Its version.
    pub(super) fn version(&self) -> &str {
        match self {
            Self::Plugin { version } | Self::Standalone { version, .. } => version,
        }
    }

    /// As people write it.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Plugin { version } => format!("docker compose {version}"),
            Self::Standalone { version, .. } => format!("docker-compose {version}"),
        }
    }
}

/// Runs a Docker tool; that the daemon does not answer is told as such, whatever was asked of it.
pub(super) fn run(
    program: Program,
    step: &'static str,
    deadline: Duration,
    cancel: &Cancel,
    each: &mut dyn FnMut(Stream, &str),
) -> Result<Output, StackError> {
    exec::run(program, step, deadline, cancel, each).map_err(|error| match &error {
        StackError::Step { source, .. } => match source.as_ref() {
            ProcessError::Failed(failure) => daemon::unreachable(&failure.output_tail).unwrap_or(error),
            _ => error,
        },
        _ => error,
    })
}

/// No colours, no hints, and nothing of the user's own compose projects.
fn quiet(program: Program) -> Program {
    let foreign = [
        "COMPOSE_FILE",
        "COMPOSE_PROFILES",
        "COMPOSE_PROJECT_NAME",
        "COMPOSE_ENV_FILES",
        "COMPOSE_PATH_SEPARATOR",
    ];
    let program = foreign.into_iter().fold(program, Program::env_remove);
    program
        .env("DOCKER_CLI_HINTS", "false")
        .env("COMPOSE_PROGRESS", "plain")
        .env("COMPOSE_ANSI", "never")
        .env("COMPOSE_STATUS_STDOUT", "0")
}

/// `v2.40.3-3` is `2.40.3-3`.
fn version(said: &str) -> Option<String> {
    let version = said.trim().lines().next()?.trim().trim_start_matches('v');
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}

fn numbers(version: &str) -> (u32, u32) {
    let mut parts = version.split(['.', '-', '+']).map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_compose() {
        assert_eq!(version("1.29.2\n").unwrap(), "1.29.2");
        assert_eq!(version("v2.40.3-3\n").unwrap(), "2.40.3-3");
        assert_eq!(version("docker: 'compose' is not a docker command"), None);
        assert!(numbers("1.29.2") >= OLDEST && numbers("2.0") >= OLDEST && numbers("1.25.0") < OLDEST);
    }

    #[test]
    fn one_command_for_both() {
        let docker = Docker { path: "/usr/bin/docker".into() };
        let call = ComposeCall {
            project: "kneepoint-12345678",
            folder: Path::new("/x/stack"),
            override_file: Path::new("/x/override.json"),
            variables: &[("KP_STACK".to_owned(), "kneepoint-12345678".to_owned())],
        };
        let rest = "--project-name kneepoint-12345678 --file /x/stack/compose.yaml --file /x/override.json --project-directory /x/stack up -d";
        let plugin = Compose::Plugin { version: "2.40.3".to_owned() };
        let shown = docker.compose_command(&plugin, &call, &["up", "-d"]).to_string();
        assert_eq!(shown, format!("/usr/bin/docker compose {rest}"));
        let standalone =
            Compose::Standalone { path: "/usr/bin/docker-compose".into(), version: "1.29.2".to_owned() };
        let shown = docker.compose_command(&standalone, &call, &["up", "-d"]).to_string();
        assert_eq!(shown, format!("/usr/bin/docker-compose {rest}"));
    }

    #[test]
    fn a_dead_daemon_is_told_as_such() {
        let docker = Docker { path: "sh".into() };
        let words = "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?";
        let script = format!("echo '{words}' >&2; exit 1");
        let error = docker.ask(&["-c", &script], "asking", SHORT, &Cancel::new()).unwrap_err();
        assert!(matches!(&error, StackError::NoDaemon { why } if why == words), "{error}");
        let other = docker.ask(&["-c", "echo no such image >&2; exit 1"], "asking", SHORT, &Cancel::new());
        assert!(matches!(other, Err(StackError::Step { .. })));
    }
}
