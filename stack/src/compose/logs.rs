//! Logs of containers: saved before a container is removed, and read to explain a failure.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;

use super::container::Container;
use super::docker::{self, Docker};
use super::docker_resources::list_containers;
use super::project::Project;
use super::service::ComposeService;
use crate::host::redact;

/// Timeout for reading the log of one container.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of the end of a log goes into a message: bytes, lines, characters.
const TAIL: (u64, usize, usize) = (16 * 1024, 25, 3000);

/// Saves the output of a container, secrets redacted, as `<folder>/<service>.log`. Failures are ignored: only the log is then
/// missing.
pub(super) fn save_log(docker: &Docker, container: &Container, folder: &Path) {
    let Some(service) = container.service else { return };
    let path = log_path(folder, service);
    let Ok(file) = File::create(&path) else { return };
    let mut file = BufWriter::new(file);
    let program = docker.command(&["logs", "--timestamps", &container.id]).stdout_cap(1);
    let mut each = |_, line: &str| {
        let _ = writeln!(file, "{}", redact::redact_line(line));
    };
    let _ =
        docker::run_tool(program, "saving the log of a container", READ_TIMEOUT, &Cancel::new(), &mut each);
    let _ = file.flush();
}

/// Saves the logs of all containers of a project.
pub(super) fn save_all_logs(docker: &Docker, project: &Project, folder: &Path) {
    if fs::create_dir_all(folder).is_err() {
        return;
    }
    for container in list_containers(docker, project, &Cancel::new()).unwrap_or_default() {
        save_log(docker, &container, folder);
    }
}

/// Files that a service itself writes into the logs folder, the most useful first.
pub(super) fn service_log_files(service: ComposeService) -> &'static [&'static str] {
    match service {
        ComposeService::Proxy => &["nginx-error.log"],
        ComposeService::Server => &["gunicorn-error.log", "gunicorn.log", "supervisord.log"],
        ComposeService::Server2 => {
            &["server2/gunicorn-error.log", "server2/gunicorn.log", "server2/supervisord.log"]
        }
        ComposeService::Hello => &["hello/gunicorn-error.log", "hello/gunicorn.log", "hello/supervisord.log"],
        ComposeService::Balancer
        | ComposeService::Engine
        | ComposeService::Db
        | ComposeService::Redis
        | ComposeService::Memcached
        | ComposeService::Worker
        | ComposeService::Objects => &[],
    }
}

/// The first log of a service that is not empty, and its end: redacted and bounded.
pub(super) fn log_tail(folder: &Path, service: ComposeService) -> (PathBuf, String) {
    let own = log_path(folder, service);
    let all = service_log_files(service).iter().map(|name| folder.join(name)).chain([own.clone()]);
    let tails =
        all.filter_map(|path| Some((read_tail(&path).ok().filter(|text| !text.trim().is_empty())?, path)));
    tails
        .map(|(text, path)| (path, redact::redact_tail(&text, TAIL.1, TAIL.2)))
        .next()
        .unwrap_or_else(|| (own, "(empty)".to_owned()))
}

/// Whether the log shows that the service will never become ready: gunicorn ends when its first worker cannot import the
/// site, and supervisor restarts it again and again.
pub(super) fn boot_failed(folder: &Path, service: ComposeService) -> bool {
    const SIGNS: [&str; 2] = ["Worker failed to boot", "entered FATAL state"];
    let matches = |name: &&str| {
        read_tail(&folder.join(name)).is_ok_and(|text| SIGNS.iter().any(|sign| text.contains(sign)))
    };
    service_log_files(service).iter().any(matches)
}

/// The saved log of a service's container.
pub(super) fn log_path(folder: &Path, service: ComposeService) -> PathBuf {
    folder.join(format!("{}.log", service.name()))
}

fn read_tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let end = file.metadata()?.len();
    file.seek(SeekFrom::Start(end.saturating_sub(TAIL.0)))?;
    let mut text = Vec::new();
    file.take(TAIL.0).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_log_that_is_not_empty_is_read() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path();
        let (path, words) = log_tail(folder, ComposeService::Server);
        assert_eq!((path, words.as_str()), (folder.join("server.log"), "(empty)"));
        fs::write(folder.join("server.log"), "started\n").unwrap();
        fs::write(folder.join("gunicorn-error.log"), "\n").unwrap();
        assert_eq!(log_tail(folder, ComposeService::Server).1, "started");
        fs::write(folder.join("gunicorn-error.log"), "no module; KP_DB_PASSWORD=x\nWorker failed to boot\n")
            .unwrap();
        let (path, words) = log_tail(folder, ComposeService::Server);
        assert!(path.ends_with("gunicorn-error.log") && words.contains("KP_DB_PASSWORD=***"), "{words}");
        assert!(boot_failed(folder, ComposeService::Server) && !boot_failed(folder, ComposeService::Server2));
    }
}
