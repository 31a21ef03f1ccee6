//! A builder for a program with arguments, environment and folder; its printed form shows no secret.
//!
//! Standard input is always empty, so that a tool that wants to ask a question fails instead of waiting.
//! Arguments are shown in messages and by `ps`; secret values go into [`Program::secret_env`].

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::text;

use crate::ProcessError;

/// Characters of the argument vector that messages show.
const MAX_SHOWN_ARGV: usize = 600;
/// Bytes of standard output that [`Program::run`] keeps by default; see [`Program::stdout_cap`].
const STDOUT_CAP: usize = 64 * 1024 * 1024;
/// Bytes of the end of standard error that are kept by default.
const STDERR_TAIL: usize = 16 * 1024;
/// The default time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// A program with its arguments, environment and folder, not yet running.
#[derive(Debug, Clone)]
pub struct Program {
    executable: OsString,
    args: Vec<OsString>,
    env: Vec<EnvChange>,
    cwd: Option<PathBuf>,
    secrets: Vec<String>,
    pub(crate) cancel: Cancel,
    pub(crate) grace: Duration,
    pub(crate) stdout_cap: usize,
    pub(crate) stderr_tail: usize,
}

#[derive(Clone)]
enum EnvChange {
    Set(OsString, OsString),
    Remove(OsString),
    Clear,
}

impl fmt::Debug for EnvChange {
    /// Only names: values may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(key, _) => write!(f, "Set({key:?})"),
            Self::Remove(key) => write!(f, "Remove({key:?})"),
            Self::Clear => write!(f, "Clear"),
        }
    }
}

impl Program {
    /// A program by name (looked up on PATH) or by path.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            executable: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: None,
            secrets: Vec::new(),
            cancel: Cancel::new(),
            grace: GRACE,
            stdout_cap: STDOUT_CAP,
            stderr_tail: STDERR_TAIL,
        }
    }

    /// Adds one argument at the end.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds several arguments at the end.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push(EnvChange::Set(key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable whose value is masked in every line and message of this crate.
    pub fn secret_env(mut self, key: impl AsRef<OsStr>, value: &str) -> Self {
        if !value.is_empty() {
            self.secrets.push(value.to_owned());
        }
        self.env(key, value)
    }

    /// Removes an inherited environment variable.
    pub fn env_remove(mut self, key: impl AsRef<OsStr>) -> Self {
        self.env.push(EnvChange::Remove(key.as_ref().to_owned()));
        self
    }

    /// Drops the inherited environment and all variables set so far.
    pub fn env_clear(mut self) -> Self {
        self.env.push(EnvChange::Clear);
        self
    }

    /// Sets the working folder.
    pub fn cwd(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cwd = Some(folder.into());
        self
    }

    /// Ends a [`Program::run`] as soon as `cancel` is cancelled.
    pub fn cancel_on(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// The time between SIGTERM and SIGKILL when a [`Program::run`] must be ended (2 s when not given).
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How many bytes of standard output to keep (64 MiB when not given); the rest is read and dropped.
    pub fn stdout_cap(mut self, bytes: usize) -> Self {
        self.stdout_cap = bytes;
        self
    }

    /// How many bytes of the end of standard error to keep (16 KiB when not given).
    pub fn stderr_tail(mut self, bytes: usize) -> Self {
        self.stderr_tail = bytes;
        self
    }

    /// The program's name as given, for messages.
    pub fn name(&self) -> String {
        self.executable.to_string_lossy().into_owned()
    }

    /// Replaces every secret value in `text` by `***`.
    pub(crate) fn mask_secrets(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }

    /// The standard library's form of this program, with an empty standard input.
    pub(crate) fn command(&self) -> Command {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place of the workspace that may build a command"
        )]
        let mut command = Command::new(&self.executable);
        command.args(&self.args).stdin(Stdio::null());
        for change in &self.env {
            match change {
                EnvChange::Set(key, value) => command.env(key, value),
                EnvChange::Remove(key) => command.env_remove(key),
                EnvChange::Clear => command.env_clear(),
            };
        }
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd);
        }
        command
    }

    /// Finds the cause of a failed start: ENOENT can mean the program, the folder or the interpreter.
    pub(crate) fn start_error(&self, source: io::Error) -> ProcessError {
        if source.kind() == io::ErrorKind::NotFound {
            if let Some(path) = self.cwd.as_ref().filter(|path| !path.is_dir()) {
                return ProcessError::NoFolder { program: self.name(), path: path.clone() };
            }
            let is_path = self.executable.as_encoded_bytes().contains(&b'/');
            if !(is_path && Path::new(&self.executable).exists()) {
                return ProcessError::NotFound { program: self.name() };
            }
            let source = io::Error::new(source.kind(), "it exists, but the interpreter it names does not");
            return ProcessError::CannotStart { argv: self.to_string(), source };
        }
        ProcessError::CannotStart { argv: self.to_string(), source }
    }
}

impl fmt::Display for Program {
    /// The argument vector, quoted as for a shell and bounded; never the environment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = quote(&self.executable);
        for arg in &self.args {
            text.push(' ');
            text.push_str(&quote(arg));
        }
        let text = self.mask_secrets(&text);
        f.write_str(&text::ellipsize(&text, MAX_SHOWN_ARGV))
    }
}

/// Quotes one argument as a POSIX shell would need it; control characters are escaped so that a message stays one line.
fn quote(arg: &OsStr) -> String {
    let text = arg.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    let mut quoted = String::from("'");
    for c in text.chars() {
        match c {
            '\'' => quoted.push_str(r"'\''"),
            c if c.is_control() => quoted.extend(c.escape_default()),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// The full path of an installed program, searched on PATH and then in the system folders (`/usr/local/sbin`,
/// `/usr/sbin`, `/sbin`) that a user's PATH on Debian leaves out although nginx and others live there.
pub fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| is_executable(path));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(system)
        .map(|folder| folder.join(program))
        .find(|file| is_executable(file))
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_argv_only() {
        let program = Program::new("mysql").args(["-e", "select 'x'", ""]).env("MYSQL_PWD", "hunter2");
        assert_eq!(program.to_string(), r"mysql -e 'select '\''x'\''' ''");
        assert!(!format!("{program:?}").contains("hunter2") && format!("{program:?}").contains("MYSQL_PWD"));
    }

    #[test]
    fn display_is_one_bounded_line_without_secrets() {
        let program =
            Program::new("x").arg("a\nb").arg("é".repeat(2_000)).secret_env("TOKEN", "abc123").arg("abc123");
        let shown = program.to_string();
        assert!(shown.starts_with(r"x 'a\nb' 'éé") && shown.ends_with('…'), "{shown}");
        assert_eq!(
            Program::new("x").arg("--t=abc123").secret_env("TOKEN", "abc123").to_string(),
            "x --t=***"
        );
    }

    #[test]
    fn find_searches_system_folders_and_requires_an_executable() {
        assert!(find("sh").is_some());
        assert!(find("no-such-program-of-kneepoint").is_none());
        assert!(find("/etc/passwd").is_none());
    }
}
