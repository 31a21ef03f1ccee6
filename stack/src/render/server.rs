//! gunicorn and supervisor: `server/*.j2`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::render;
use crate::StackError;

/// One gunicorn.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct GunicornConf {
    /// The error log goes to `run_dir/logs/NAME-error.log`.
    pub(crate) run_dir: String,
    /// The folder of `manage.py`.
    pub(crate) app_dir: String,
    /// Its name among all gunicorns of the run folder.
    pub(crate) name: String,
    /// Any addresses: `host:port`, `unix:/path`.
    pub(crate) bind: Vec<String>,
    /// Worker processes.
    pub(crate) workers: u16,
    /// Threads of each.
    pub(crate) threads: u16,
    /// `sync` or `gthread`.
    pub(crate) worker_class: String,
    /// Variables that differ from those which the supervisor hands down; nothing secret.
    pub(crate) environment: BTreeMap<String, String>,
}

impl GunicornConf {
    /// The whole file.
    pub(crate) fn text(&self) -> Result<String, StackError> {
        render("server", "gunicorn.conf.py.j2", self)
    }
}

/// One supervisor. The site's variables are not among it: they come by inheritance, so that no secret is written to a file.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SupervisorConf {
    /// For pid file, socket and logs (in `logs/`).
    pub(crate) run_dir: String,
    /// Where its programs work.
    pub(crate) app_dir: String,
    /// Its name among all supervisors of the run folder; its files are called so.
    pub(crate) name: String,
    /// `root` when it is started as root, which silences a warning.
    pub(crate) user: Option<String>,
    /// What it keeps alive.
    pub(crate) programs: Vec<SupervisedProgram>,
}

/// One program that supervisor keeps alive.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SupervisedProgram {
    /// Its own output goes to `run_dir/logs/NAME.log`.
    pub(crate) name: String,
    /// The program and its arguments.
    pub(crate) argv: Vec<String>,
}

impl SupervisorConf {
    /// The whole file.
    pub(crate) fn text(&self) -> Result<String, StackError> {
        render("server", "supervisord.conf.j2", self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gunicorn_conf() {
        let conf = GunicornConf {
            run_dir: "/srv/run".to_owned(),
            app_dir: "/srv/it's/bookstore".to_owned(),
            name: "gunicorn".to_owned(),
            bind: vec!["127.0.0.1:18081".to_owned()],
            workers: 2,
            threads: 1,
            worker_class: "sync".to_owned(),
            environment: BTreeMap::new(),
        };
        insta::assert_snapshot!(conf.text().unwrap());
    }

    #[test]
    fn supervisord_conf() {
        let program = |name: &str, argv: &[&str]| SupervisedProgram {
            name: name.to_owned(),
            argv: argv.iter().map(|argument| (*argument).to_owned()).collect(),
        };
        let conf = SupervisorConf {
            run_dir: "/srv/run".to_owned(),
            app_dir: "/srv/100%/bookstore".to_owned(),
            name: "supervisord".to_owned(),
            user: Some("root".to_owned()),
            programs: vec![
                program("gunicorn", &["/a b/100%/it's/python", "-m", "gunicorn"]),
                program("worker", &["python", "-m", "celery", "worker"]),
            ],
        };
        insta::assert_snapshot!(conf.text().unwrap());
    }
}
