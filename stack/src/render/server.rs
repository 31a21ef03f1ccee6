//! The contexts of the templates of gunicorn and supervisor, `server/*.j2`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::render;
use crate::error::StackError;

/// Values of `gunicorn.conf.py.j2`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct GunicornConf {
    /// The error log goes to `run_dir/logs/NAME-error.log`.
    pub(crate) run_dir: String,
    /// The folder of `manage.py`.
    pub(crate) app_dir: String,
    /// Unique among the gunicorns of the run folder.
    pub(crate) name: String,
    /// Each `host:port` or `unix:/path`.
    pub(crate) bind: Vec<String>,
    pub(crate) workers: u16,
    /// Per worker process.
    pub(crate) threads: u16,
    /// `sync` or `gthread`.
    pub(crate) worker_class: String,
    /// Variables in addition to those inherited from the supervisor; never secrets.
    pub(crate) environment: BTreeMap<String, String>,
}

impl GunicornConf {
    pub(crate) fn text(&self) -> Result<String, StackError> {
        render("server", "gunicorn.conf.py.j2", self)
    }
}

/// Values of `supervisord.conf.j2`. The site's variables are inherited instead, so that no secret is written to a file.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SupervisorConf {
    /// The folder of pid file, socket and logs (in `logs/`).
    pub(crate) run_dir: String,
    /// The working directory of its programs.
    pub(crate) app_dir: String,
    /// Unique among the supervisors of the run folder; the prefix of its file names.
    pub(crate) name: String,
    /// `root` when it is started as root, which avoids a warning.
    pub(crate) user: Option<String>,
    pub(crate) programs: Vec<SupervisedProgram>,
}

/// A program that supervisor restarts when it ends.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SupervisedProgram {
    /// Its output goes to `run_dir/logs/NAME.log`.
    pub(crate) name: String,
    /// Executable and arguments.
    pub(crate) argv: Vec<String>,
}

impl SupervisorConf {
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
