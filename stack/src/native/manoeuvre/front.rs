//! What stands before the app servers, and how it is told which of them to use: nginx by its file and a reload, HAProxy
//! through its runtime socket.

use std::fs;
use std::path::PathBuf;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::experiment::Manoeuvre;
use rustix::process::{Pid, Signal, kill_process};

use super::super::assemble::Live;
use super::super::running::RunningStack;
use super::super::server::ServerSet;
use super::super::{balancer, proxy};
use super::haproxy::Haproxy;
use super::{drain, impossible, until};
use crate::StackError;
use crate::render::{Backend, NginxConf};

/// What stands before the app servers.
pub(super) enum Front {
    /// nginx: its master, and its sessions' way to be looked at.
    Nginx(Nginx),
    /// HAProxy.
    Haproxy(Haproxy),
}

/// A running nginx.
pub(super) struct Nginx {
    session: kneepoint_process::SessionRef,
    file: PathBuf,
    keeps_clients: bool,
}

impl Front {
    /// What stands before the app servers of this stack.
    pub(super) fn of(stack: &RunningStack, live: &Live, which: Manoeuvre) -> Result<Self, StackError> {
        if let Some(conf) = &live.nginx {
            let running = stack.services().iter().find(|running| running.kind == "nginx");
            let running = running.ok_or_else(|| impossible(which, "nginx does not run"))?;
            let session = running.service.session_ref();
            let file = live.site.run.join(proxy::FILE);
            return Ok(Self::Nginx(Nginx { session, file, keeps_clients: conf.keeps_clients }));
        }
        if live.haproxy {
            return Ok(Self::Haproxy(Haproxy::at(live.site.run.join(balancer::SOCKET))));
        }
        Err(impossible(
            which,
            "nothing stands before the app servers that could keep visitors from one of them",
        ))
    }

    /// From now on the app server gets no request; returns when it has none.
    pub(super) fn take_out(&self, live: &Live, index: usize, cancel: &Cancel) -> Result<(), StackError> {
        match self {
            Self::Nginx(nginx) => {
                let mut left = live.set.backends(&live.site.run);
                left.remove(index);
                nginx.reload(live, left, cancel)?;
            }
            Self::Haproxy(haproxy) => {
                // HAProxy finds a server healthy at its own next check, up to two seconds after the server answers: draining
                // the only one that it has found so far would leave visitors with none.
                let others: Vec<String> = (0..live.set.ports.len())
                    .filter(|other| *other != index)
                    .map(ServerSet::backend)
                    .collect();
                until("HAProxy finds the other servers healthy", cancel, || {
                    others.iter().all(|other| haproxy.is_up(other))
                })?;
                haproxy.drain(&ServerSet::backend(index))?;
            }
        }
        drain::wait_one(&live.set, &live.site.run, index, cancel)
    }

    /// The app server gets requests again.
    pub(super) fn put_back(&self, live: &Live, index: usize, cancel: &Cancel) -> Result<(), StackError> {
        match self {
            Self::Nginx(nginx) => nginx.reload(live, live.set.backends(&live.site.run), cancel),
            Self::Haproxy(haproxy) => {
                let backend = ServerSet::backend(index);
                haproxy.ready(&backend)?;
                until("HAProxy finds it healthy", cancel, || haproxy.is_up(&backend))
            }
        }
    }

    /// From now on visitors get to this set.
    pub(super) fn switch(&self, green: &mut Live, cancel: &Cancel) -> Result<(), StackError> {
        match self {
            Self::Nginx(nginx) => {
                let backends = green.set.backends(&green.site.run);
                nginx.reload(green, backends, cancel)
            }
            Self::Haproxy(haproxy) => {
                let backends = ServerSet::backend;
                let ports = green.set.ports.iter().enumerate();
                ports.into_iter().try_for_each(|(index, port)| haproxy.address(&backends(index), *port))
            }
        }
    }

    /// What must be known to read what visitors noticed.
    pub(super) fn notes(&self) -> Vec<String> {
        match self {
            Self::Nginx(nginx) if !nginx.keeps_clients => vec![
                "this nginx (before 1.27.4) closes idle connections of clients when it is reloaded; a request that \
                 crosses the closing must be sent again by the client"
                    .to_owned(),
            ],
            _ => Vec::new(),
        }
    }
}

impl Nginx {
    /// Writes the file with these app servers, has it read, and waits until no worker with the old one is left. nginx
    /// starts workers with the new file first, so that there is always somebody who takes connections.
    fn reload(&self, live: &Live, upstreams: Vec<Backend>, cancel: &Cancel) -> Result<(), StackError> {
        let Some(conf) = &live.nginx else { return Ok(()) };
        let mut conf = NginxConf { upstreams, ..conf.clone() };
        for extra in &mut conf.extra_sites {
            extra.upstreams = live.set.hello_backend().into_iter().collect();
        }
        let part = self.file.with_extension("conf.part");
        fs::write(&part, conf.text()?).map_err(StackError::io("write", &part))?;
        fs::rename(&part, &self.file).map_err(StackError::io("rename into place", &self.file))?;
        let old = self.workers();
        let master = Pid::from_raw(self.session.session.0);
        let told = master.map(|master| kill_process(master, Signal::HUP));
        if !matches!(told, Some(Ok(()))) {
            let why = "it does not run any more".to_owned();
            return Err(StackError::System { what: "reloading nginx", why });
        }
        until("nginx works with its new configuration alone (see nginx-error.log)", cancel, || {
            let now = self.workers();
            now.iter().any(|pid| !old.contains(pid)) && !now.iter().any(|pid| old.contains(pid))
        })
    }

    /// The master's children.
    fn workers(&self) -> Vec<i32> {
        let master = self.session.session.0;
        let members = self.session.members();
        members.iter().filter(|process| process.ppid == master).map(|process| process.pid).collect()
    }
}
