//! The proxy or balancer in front of the app servers, and how its list of servers is changed: nginx by its file and a
//! reload, HAProxy through its runtime socket.

use std::fs;
use std::path::PathBuf;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::experiment::Rollout;
use rustix::process::{Pid, Signal, kill_process};

use super::super::haproxy::Haproxy;
use super::super::live::LiveStack;
use super::super::running::NativeStack;
use super::super::server::ServerSet;
use super::super::{balancer, proxy};
use super::drain::wait_server_drained;
use super::wait_for_condition;
use crate::error::StackError;
use crate::render::{Backend, NginxConf};
use crate::rollout::{NGINX_CLOSES_IDLE, rollout_impossible};

/// What is directly in front of the app servers.
pub(super) enum Front {
    Nginx(Nginx),
    Haproxy(Haproxy),
}

pub(super) struct Nginx {
    session: kneepoint_process::SessionRef,
    file: PathBuf,
    keeps_clients: bool,
}

impl Front {
    /// # Errors
    /// `Rollout` when nothing is in front of the app servers.
    pub(super) fn find(stack: &NativeStack, live: &LiveStack, which: Rollout) -> Result<Self, StackError> {
        if let Some(conf) = &live.nginx {
            let running = stack.services().iter().find(|running| running.kind == "nginx");
            let running = running.ok_or_else(|| rollout_impossible(which, "nginx does not run"))?;
            let session = running.process.session_ref();
            let file = live.site.run.join(proxy::CONF_FILE);
            return Ok(Self::Nginx(Nginx { session, file, keeps_clients: conf.keeps_clients }));
        }
        if live.haproxy {
            return Ok(Self::Haproxy(Haproxy::new(live.site.run.join(balancer::SOCKET))));
        }
        Err(rollout_impossible(
            which,
            "nothing is in front of the app servers that could keep users away from one of them",
        ))
    }

    /// Stops sending requests to the app server; returns when it has no connections.
    pub(super) fn take_out(&self, live: &LiveStack, index: usize, cancel: &Cancel) -> Result<(), StackError> {
        match self {
            Self::Nginx(nginx) => {
                let mut remaining = live.servers.backends(&live.site.run);
                remaining.remove(index);
                nginx.reload(live, remaining, cancel)?;
            }
            Self::Haproxy(haproxy) => drain_server(haproxy, live.servers.ports.len(), index, cancel)?,
        }
        wait_server_drained(&live.servers, &live.site.run, index, cancel)
    }

    /// Sends requests to the app server again.
    pub(super) fn put_back(&self, live: &LiveStack, index: usize, cancel: &Cancel) -> Result<(), StackError> {
        match self {
            Self::Nginx(nginx) => nginx.reload(live, live.servers.backends(&live.site.run), cancel),
            Self::Haproxy(haproxy) => {
                let backend = ServerSet::backend_name(index);
                haproxy.enable(&backend)?;
                wait_for_condition("HAProxy reports the server as healthy", cancel, || {
                    haproxy.is_up(&backend)
                })
            }
        }
    }

    /// Sends users to this set of servers.
    pub(super) fn switch(&self, green: &mut LiveStack, cancel: &Cancel) -> Result<(), StackError> {
        match self {
            Self::Nginx(nginx) => {
                let backends = green.servers.backends(&green.site.run);
                nginx.reload(green, backends, cancel)
            }
            Self::Haproxy(haproxy) => {
                let backends = ServerSet::backend_name;
                let ports = green.servers.ports.iter().enumerate();
                ports.into_iter().try_for_each(|(index, port)| haproxy.set_address(&backends(index), *port))
            }
        }
    }

    /// Limits of this proxy that explain failed requests.
    pub(super) fn notes(&self) -> Vec<String> {
        match self {
            Self::Nginx(nginx) if !nginx.keeps_clients => vec![NGINX_CLOSES_IDLE.to_owned()],
            _ => Vec::new(),
        }
    }
}

/// Drains one server once HAProxy reports the others as healthy. It notices a server only at its next check, up to two
/// seconds after the server responds, and draining the only healthy one would leave users without any.
fn drain_server(haproxy: &Haproxy, servers: usize, index: usize, cancel: &Cancel) -> Result<(), StackError> {
    let others: Vec<String> =
        (0..servers).filter(|other| *other != index).map(ServerSet::backend_name).collect();
    wait_for_condition("HAProxy reports the other servers as healthy", cancel, || {
        haproxy.unhealthy_servers(&others).is_ok_and(|missing| missing.is_empty())
    })?;
    haproxy.drain(&ServerSet::backend_name(index))
}

impl Nginx {
    /// Writes the configuration with these app servers, reloads it, and waits until no worker with the old one is left.
    /// nginx starts the new workers first, so that connections are always accepted.
    fn reload(&self, live: &LiveStack, upstreams: Vec<Backend>, cancel: &Cancel) -> Result<(), StackError> {
        let Some(conf) = &live.nginx else { return Ok(()) };
        let mut conf = NginxConf { upstreams, ..conf.clone() };
        for extra in &mut conf.extra_sites {
            extra.upstreams = live.servers.hello_backend().into_iter().collect();
        }
        let part = self.file.with_extension("conf.part");
        fs::write(&part, conf.text()?).map_err(StackError::io("write", &part))?;
        fs::rename(&part, &self.file).map_err(StackError::io("rename into place", &self.file))?;
        let old = self.workers();
        let master = Pid::from_raw(self.session.session.0);
        let signalled = master.map(|master| kill_process(master, Signal::HUP));
        if !matches!(signalled, Some(Ok(()))) {
            let why = "it is not running any more".to_owned();
            return Err(StackError::System { what: "reloading nginx", why });
        }
        wait_for_condition(
            "all nginx workers use the new configuration (see nginx-error.log)",
            cancel,
            || {
                let now = self.workers();
                now.iter().any(|pid| !old.contains(pid)) && !now.iter().any(|pid| old.contains(pid))
            },
        )
    }

    /// Process ids of the master's children.
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

    /// Regression: under load the only server that HAProxy knew was drained, and users got 503.
    #[test]
    fn no_server_is_drained_before_the_others_are_healthy() {
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
        drain_server(&Haproxy::new(socket), 2, 0, &Cancel::new()).unwrap();
        let drain = "set server app/app-1 state drain\n";
        assert_eq!(asked.join().unwrap(), ["show stat\n", "show stat\n", drain]);
    }
}
