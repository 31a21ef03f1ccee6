//! The tools `docker`, and `docker compose` (v2) or `docker-compose` (v1). Every call has a deadline and ends on
//! cancellation.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_process::{Output, ProcessError, Program, Stream, find};

use super::daemon::{self, Daemon};
use crate::error::StackError;
use crate::host::exec;

/// Timeout of commands that only query or send a signal.
pub(super) const SHORT: Duration = Duration::from_secs(30);
/// The first `docker-compose` that accepts `compose.yaml` (`service_completed_successfully`).
const OLDEST_COMPOSE: (u32, u32) = (1, 29);

/// The compose tool in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ComposeTool {
    /// The plugin: `docker compose`.
    Plugin { version: String },
    /// The program of version 1: `docker-compose`.
    Standalone { path: PathBuf, version: String },
}

/// The `docker` command.
#[derive(Debug, Clone)]
pub(super) struct Docker {
    path: PathBuf,
}

/// What a compose command needs besides its arguments.
#[derive(Debug, Clone)]
pub(super) struct ComposeInvocation<'a> {
    /// Name of the compose project.
    pub(super) project: &'a str,
    /// The folder of `compose.yaml`.
    pub(super) folder: &'a Path,
    /// The override file.
    pub(super) override_file: &'a Path,
    /// Variables of `compose.yaml`.
    pub(super) variables: &'a [(String, String)],
}

impl Docker {
    /// # Errors
    /// `ToolMissing`.
    pub(super) fn locate() -> Result<Self, StackError> {
        let missing = || StackError::ToolMissing {
            program: "docker",
            fix: "`apt install docker.io docker-compose`, or use the native driver (`--driver native`)",
        };
        find("docker").map(|path| Self { path }).ok_or_else(missing)
    }

    pub(super) fn command(&self, args: &[&str]) -> Program {
        without_user_settings(Program::new(&self.path)).args(args)
    }

    /// Runs `docker` with these arguments and returns its standard output.
    ///
    /// # Errors
    /// `NoDaemon`, `DaemonDenied`, or `Step` with the end of its output.
    pub(super) fn run(
        &self,
        args: &[&str],
        step: &'static str,
        deadline: Duration,
        cancel: &Cancel,
    ) -> Result<String, StackError> {
        run_tool(self.command(args), step, deadline, cancel, &mut |_, _| {})
            .map(|output| output.stdout_text())
    }

    /// # Errors
    /// `NoDaemon`, `DaemonDenied`, `DaemonElsewhere`.
    pub(super) fn inspect_daemon(&self, cancel: &Cancel) -> Result<Daemon, StackError> {
        let step = "asking the Docker daemon";
        // Before contexts (19.03) only DOCKER_HOST can name another machine, which the next command shows anyway.
        let host =
            self.run(&["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], step, SHORT, cancel);
        daemon::refuse_remote(&host.unwrap_or_default())?;
        Daemon::parse(&self.run(&["info", "--format", "{{json .}}"], step, SHORT, cancel)?)
    }

    /// Finds compose: the plugin, else the standalone program.
    ///
    /// # Errors
    /// `ToolMissing` when there is neither, or only one that is too old.
    pub(super) fn find_compose(&self, cancel: &Cancel) -> Result<ComposeTool, StackError> {
        let step = "asking for the version of compose";
        if let Ok(output) = self.run(&["compose", "version", "--short"], step, SHORT, cancel)
            && let Some(version) = parse_version(&output)
        {
            return Ok(ComposeTool::Plugin { version });
        }
        if cancel.is_cancelled() {
            return Err(StackError::Cancelled);
        }
        let missing = || StackError::ToolMissing {
            program: "docker compose",
            fix: "`apt install docker-compose`, or the plugin `docker-compose-plugin`",
        };
        let path = find("docker-compose").ok_or_else(missing)?;
        let query = without_user_settings(Program::new(&path)).args(["version", "--short"]);
        let output = run_tool(query, step, SHORT, cancel, &mut |_, _| {})?.stdout_text();
        let version = parse_version(&output).ok_or_else(missing)?;
        if major_minor(&version) < OLDEST_COMPOSE {
            return Err(StackError::ToolMissing {
                program: "docker compose in version 1.29 or later",
                fix: "the installed one is older; `apt install docker-compose`, or the plugin `docker-compose-plugin`",
            });
        }
        Ok(ComposeTool::Standalone { path, version })
    }

    pub(super) fn compose_command(
        &self,
        compose: &ComposeTool,
        call: &ComposeInvocation<'_>,
        args: &[&str],
    ) -> Program {
        let program = match compose {
            ComposeTool::Plugin { .. } => without_user_settings(Program::new(&self.path)).arg("compose"),
            ComposeTool::Standalone { path, .. } => without_user_settings(Program::new(path)),
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

impl ComposeTool {
    pub(super) fn version(&self) -> &str {
        match self {
            Self::Plugin { version } | Self::Standalone { version, .. } => version,
        }
    }

    /// `docker compose 2.40.3`.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Plugin { version } => format!("docker compose {version}"),
            Self::Standalone { version, .. } => format!("docker-compose {version}"),
        }
    }
}

/// Runs a Docker tool. When the daemon cannot be reached, the error is `NoDaemon` or `DaemonDenied`, whatever the command.
pub(super) fn run_tool(
    program: Program,
    step: &'static str,
    deadline: Duration,
    cancel: &Cancel,
    each: &mut dyn FnMut(Stream, &str),
) -> Result<Output, StackError> {
    exec::run(program, step, deadline, cancel, each).map_err(|error| match &error {
        StackError::Step { source, .. } => match source.as_ref() {
            ProcessError::Failed(failure) => daemon::parse_unreachable(&failure.output_tail).unwrap_or(error),
            _ => error,
        },
        _ => error,
    })
}

/// Without colours and hints, and without variables of the user's own compose projects.
fn without_user_settings(program: Program) -> Program {
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

/// Removes the prefix of `v2.40.3-3`; `None` when the output is not a version.
fn parse_version(output: &str) -> Option<String> {
    let version = output.trim().lines().next()?.trim().trim_start_matches('v');
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}

fn major_minor(version: &str) -> (u32, u32) {
    let mut parts = version.split(['.', '-', '+']).map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_compose() {
        assert_eq!(parse_version("1.29.2\n").unwrap(), "1.29.2");
        assert_eq!(parse_version("v2.40.3-3\n").unwrap(), "2.40.3-3");
        assert_eq!(parse_version("docker: 'compose' is not a docker command"), None);
        assert!(
            major_minor("1.29.2") >= OLDEST_COMPOSE
                && major_minor("2.0") >= OLDEST_COMPOSE
                && major_minor("1.25.0") < OLDEST_COMPOSE
        );
    }

    #[test]
    fn the_same_arguments_for_both_tools() {
        let docker = Docker { path: "/usr/bin/docker".into() };
        let call = ComposeInvocation {
            project: "kneepoint-12345678",
            folder: Path::new("/x/stack"),
            override_file: Path::new("/x/override.json"),
            variables: &[("KP_STACK".to_owned(), "kneepoint-12345678".to_owned())],
        };
        let rest = "--project-name kneepoint-12345678 --file /x/stack/compose.yaml --file /x/override.json --project-directory /x/stack up -d";
        let plugin = ComposeTool::Plugin { version: "2.40.3".to_owned() };
        let shown = docker.compose_command(&plugin, &call, &["up", "-d"]).to_string();
        assert_eq!(shown, format!("/usr/bin/docker compose {rest}"));
        let standalone =
            ComposeTool::Standalone { path: "/usr/bin/docker-compose".into(), version: "1.29.2".to_owned() };
        let shown = docker.compose_command(&standalone, &call, &["up", "-d"]).to_string();
        assert_eq!(shown, format!("/usr/bin/docker-compose {rest}"));
    }

    #[test]
    fn an_unreachable_daemon_has_its_own_error() {
        let docker = Docker { path: "sh".into() };
        let words = "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?";
        let script = format!("echo '{words}' >&2; exit 1");
        let error = docker.run(&["-c", &script], "asking", SHORT, &Cancel::new()).unwrap_err();
        assert!(matches!(&error, StackError::NoDaemon { why } if why == words), "{error}");
        let other = docker.run(&["-c", "echo no such image >&2; exit 1"], "asking", SHORT, &Cancel::new());
        assert!(matches!(other, Err(StackError::Step { .. })));
    }
}
