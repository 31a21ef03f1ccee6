//! Logs of containers: kept in the logs folder before a container goes, and read when something is wrong.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;

use super::container::Container;
use super::docker::{self, Docker};
use super::mine;
use super::project::Project;
use super::service::ComposeService;
use super::wait::log_path;
use crate::mask;

/// Reading the log of one container.
const READ: Duration = Duration::from_secs(30);
/// How much of the end of a log goes into a message: bytes, lines, characters.
const TAIL: (u64, usize, usize) = (16 * 1024, 25, 3000);

/// Keeps what a container said, its secrets struck out, as `<folder>/<service>.log`. That nothing could be kept is no
/// reason to stop: the folder is then all that is missing.
pub(super) fn keep(docker: &Docker, container: &Container, folder: &Path) {
    let Some(service) = container.service else { return };
    let path = log_path(folder, service);
    let Ok(file) = File::create(&path) else { return };
    let mut file = BufWriter::new(file);
    let program = docker.command(&["logs", "--timestamps", &container.id]).stdout_cap(1);
    let mut each = |_, line: &str| {
        let _ = writeln!(file, "{}", mask::mask_line(line));
    };
    let _ = docker::run(program, "keeping a container's log", READ, &Cancel::new(), &mut each);
    let _ = file.flush();
}

/// Keeps the logs of every container of a project.
pub(super) fn keep_all(docker: &Docker, project: &Project, folder: &Path) {
    if fs::create_dir_all(folder).is_err() {
        return;
    }
    for container in mine::containers(docker, project, &Cancel::new()).unwrap_or_default() {
        keep(docker, &container, folder);
    }
}

/// Files that a service writes into the logs folder itself, the most telling first.
pub(super) fn files(service: ComposeService) -> &'static [&'static str] {
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

/// The most telling log of a service, and its end: masked and bounded.
pub(super) fn last_words(folder: &Path, service: ComposeService) -> (PathBuf, String) {
    let own = log_path(folder, service);
    let all = files(service).iter().map(|name| folder.join(name)).chain([own.clone()]);
    let said =
        all.filter_map(|path| Some((tail_of(&path).ok().filter(|text| !text.trim().is_empty())?, path)));
    said.map(|(text, path)| (path, mask::tail(&text, TAIL.1, TAIL.2)))
        .next()
        .unwrap_or_else(|| (own, "(nothing)".to_owned()))
}

/// Whether its own log says that it cannot come up: gunicorn ends when its first worker cannot import the site, and
/// supervisor would start it again and again.
pub(super) fn says_it_cannot(folder: &Path, service: ComposeService) -> bool {
    const SIGNS: [&str; 2] = ["Worker failed to boot", "entered FATAL state"];
    let says = |name: &&str| {
        tail_of(&folder.join(name)).is_ok_and(|text| SIGNS.iter().any(|sign| text.contains(sign)))
    };
    files(service).iter().any(says)
}

fn tail_of(path: &Path) -> std::io::Result<String> {
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
    fn the_most_telling_log_is_read() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path();
        let (path, words) = last_words(folder, ComposeService::Server);
        assert_eq!((path, words.as_str()), (folder.join("server.log"), "(nothing)"));
        fs::write(folder.join("server.log"), "started\n").unwrap();
        fs::write(folder.join("gunicorn-error.log"), "\n").unwrap();
        assert_eq!(last_words(folder, ComposeService::Server).1, "started");
        fs::write(folder.join("gunicorn-error.log"), "no module; KP_DB_PASSWORD=x\nWorker failed to boot\n")
            .unwrap();
        let (path, words) = last_words(folder, ComposeService::Server);
        assert!(path.ends_with("gunicorn-error.log") && words.contains("KP_DB_PASSWORD=***"), "{words}");
        assert!(
            says_it_cannot(folder, ComposeService::Server)
                && !says_it_cannot(folder, ComposeService::Server2)
        );
    }
}
