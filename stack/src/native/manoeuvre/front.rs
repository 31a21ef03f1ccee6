//! What stands before the app servers, and how it is told which of them to use: nginx by its file and a reload, HAProxy
//! through its runtime socket.

use std::fs;
use std::path::PathBuf;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::experiment::Rollout;
use rustix::process::{Pid, Signal, kill_process};

use super::super::assemble::Live;
use super::super::haproxy::Haproxy;
use super::super::running::RunningStack;
use super::super::server::ServerSet;
use super::super::{balancer, proxy};
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
    pub(super) fn of(stack: &RunningStack, live: &Live, which: Rollout) -> Result<Self, StackError> {
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
            Self::Haproxy(haproxy) => drain_one(haproxy, live.set.ports.len(), index, cancel)?,
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

/// Drains one of so many servers, once HAProxy has found the others: it does so at its own next check, up to two seconds
/// after a server answers, and to drain the only one that it has found would leave visitors with none.
fn drain_one(haproxy: &Haproxy, servers: usize, index: usize, cancel: &Cancel) -> Result<(), StackError> {
    let others: Vec<String> = (0..servers).filter(|other| *other != index).map(ServerSet::backend).collect();
    until("HAProxy finds the other servers healthy", cancel, || {
        haproxy.missing(&others).is_ok_and(|missing| missing.is_empty())
    })?;
    haproxy.drain(&ServerSet::backend(index))
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    /// Found by a manoeuvre under load: the only server that HAProxy knew was drained, and visitors got 503.
    #[test]
    fn no_server_is_drained_before_the_others_are_found() {
        let temp = tempfile::tempdir().unwrap();
        let socket = temp.path().join("haproxy.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let answers = ["app-2,DOWN", "app-2,UP 1/3", ""];
        let asked = thread::spawn(move || {
            answers.map(|answer| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut command = String::new();
                stream.read_to_string(&mut command).unwrap();
                if !answer.is_empty() {
                    let table = format!("# pxname,svname,status,\napp,app-1,UP,\napp,{answer},\n");
                    stream.write_all(table.as_bytes()).unwrap();
                }
                command
            })
        });
        drain_one(&Haproxy::at(socket), 2, 0, &Cancel::new()).unwrap();
        let drain = "set server app/app-1 state drain\n";
        assert_eq!(asked.join().unwrap(), ["show stat\n", "show stat\n", drain]);
    }
}
