//! Changes of a running stack while visitors are on the site: app servers are replaced, one after the other or all at once,
//! and no request may be lost; and the crude restart that loses some, for contrast.
//!
//! A server is taken out of what stands before it, left alone until it has no connection any more, and only then stopped.

mod drain;
mod front;
mod report;

use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::experiment::Rollout;
use kneepoint_model::stage::Stage;
use kneepoint_model::units::Micros;

use self::front::Front;
pub use self::report::{ManoeuvreReport, ManoeuvreStep};
use super::assemble::Live;
use super::ready;
use super::running::RunningStack;
use super::server::{self, ServerSet};
use crate::ask::Asker;
use crate::topology::ServerKind;
use crate::{StackError, exec, ports};

/// What a command to supervisor may take: gunicorn's graceful end, its start, and a cold Python twice.
const SUPERVISOR: Duration = Duration::from_secs(45);
/// What blue servers get to end, once nobody is connected to them.
const GRACE: Duration = Duration::from_secs(10);

impl RunningStack {
    /// Makes the manoeuvre. The stack answers during it; whether it answered *everything* is for the visitors to say.
    ///
    /// # Errors
    /// `Manoeuvre` when this stack cannot make it, or a step of it did not come about (then what could be left as it was
    /// was left); `NotReady` when a new server does not answer; `Cancelled`.
    pub fn manoeuvre(
        &mut self,
        which: Rollout,
        cancel: &Cancel,
        events: &dyn EventSink,
    ) -> Result<ManoeuvreReport, StackError> {
        match which {
            Rollout::RollingRestart => self.rolling_restart(cancel, events),
            Rollout::BlueGreen => self.blue_green(cancel, events),
            Rollout::RestartHard => self.restart_hard(cancel, events),
        }
    }

    /// Restarts one app server after the other, each taken out first. A server that is alone is not taken out: gunicorn
    /// then replaces its own workers, while its listening socket stays.
    ///
    /// # Errors
    /// As [`RunningStack::manoeuvre`].
    pub fn rolling_restart(
        &mut self,
        cancel: &Cancel,
        events: &dyn EventSink,
    ) -> Result<ManoeuvreReport, StackError> {
        let mut steps = Steps::new(Rollout::RollingRestart, events);
        let live = self.live(steps.which)?;
        let count = live.set.ports.len();
        if count == 1 {
            steps.step("gunicorn replaces its workers", || replace_workers(self, &live, cancel))?;
            return Ok(steps.done(Vec::new()));
        }
        let front = Front::of(self, &live, steps.which)?;
        for index in 0..count {
            let name = live.set.name(index);
            steps
                .step(&format!("{name} is taken out and drained"), || front.take_out(&live, index, cancel))?;
            steps.step(&format!("{name} is stopped and started"), || {
                supervise(&live, &live.set, index, &["restart"], cancel)?;
                self.wait_for(&name, cancel)
            })?;
            steps.step(&format!("{name} is put back"), || front.put_back(&live, index, cancel))?;
        }
        Ok(steps.done(front.notes()))
    }

    /// Brings a second set of app servers up beside the first, switches visitors to it, and ends the first once nobody is
    /// connected to it.
    ///
    /// # Errors
    /// As [`RunningStack::manoeuvre`].
    pub fn blue_green(
        &mut self,
        cancel: &Cancel,
        events: &dyn EventSink,
    ) -> Result<ManoeuvreReport, StackError> {
        let mut steps = Steps::new(Rollout::BlueGreen, events);
        let blue = self.live(steps.which)?;
        let mut green = blue.clone();
        // Only to see that there is something that can be switched, before anything is started.
        Front::of(self, &blue, steps.which)?;
        steps.step("green servers come up", || self.start_green(&mut green, cancel))?;
        let front = Front::of(self, &blue, steps.which)?;
        steps.step("visitors are switched to green", || front.switch(&mut green, cancel))?;
        steps.step("blue servers are drained", || drain::wait(&blue.set, &blue.site.run, cancel))?;
        let notes = front.notes();
        steps.step("blue servers are stopped", || {
            let names: Vec<String> = (0..blue.set.ports.len()).map(|index| blue.set.name(index)).collect();
            self.end_services(&names, GRACE)?;
            self.replace_servers(green)
        })?;
        Ok(steps.done(notes))
    }

    /// Kills every app server as it stands and lets supervisor start it again: what the other two avoid.
    ///
    /// # Errors
    /// As [`RunningStack::manoeuvre`].
    pub fn restart_hard(
        &mut self,
        cancel: &Cancel,
        events: &dyn EventSink,
    ) -> Result<ManoeuvreReport, StackError> {
        let mut steps = Steps::new(Rollout::RestartHard, events);
        let live = self.live(steps.which)?;
        for index in 0..live.set.ports.len() {
            let name = live.set.name(index);
            steps.step(&format!("{name} is killed"), || {
                supervise(&live, &live.set, index, &["signal", "KILL"], cancel)
            })?;
        }
        steps.step("all answer again", || {
            (0..live.set.ports.len()).try_for_each(|index| self.wait_for(&live.set.name(index), cancel))
        })?;
        Ok(steps.done(Vec::new()))
    }

    /// What is needed to change this stack, if it can be changed.
    fn live(&self, which: Rollout) -> Result<Live, StackError> {
        let live = self.assembled().cloned();
        let live = live.ok_or_else(|| impossible(which, "the stack is not complete yet"))?;
        if live.topology.server == ServerKind::Runserver {
            return Err(impossible(which, "runserver is one process that nobody keeps alive; use gunicorn"));
        }
        Ok(live)
    }

    /// Starts another generation; what was started of it is ended again when it does not become ready.
    fn start_green(&mut self, green: &mut Live, cancel: &Cancel) -> Result<(), StackError> {
        let blue = &green.set;
        let mut held = ports::hold_more(self.ports().site, blue.ports.len(), blue.hello.is_some())?;
        green.set = ServerSet {
            generation: blue.generation + 1,
            ports: held.ports.servers.clone(),
            hello: held.ports.hello,
            by_socket: blue.by_socket,
        };
        let names: Vec<String> = (0..green.set.ports.len()).map(|index| green.set.name(index)).collect();
        let started = (|| {
            for spec in server::specs(&green.site, &green.topology, &green.set)? {
                spec.ports.iter().for_each(|port| held.release(*port));
                self.start(spec)?;
            }
            names.iter().try_for_each(|name| self.wait_for(name, cancel))
        })();
        if started.is_err() {
            // The first error is the one to tell.
            let _ = self.end_services(&names, GRACE);
        }
        started
    }

    fn wait_for(&self, name: &str, cancel: &Cancel) -> Result<(), StackError> {
        let asker = Asker::new()?;
        let mut named = self.services().iter().filter(|running| running.name == name);
        named.try_for_each(|running| ready::wait(&asker, running, cancel))
    }
}

/// gunicorn's own way: on SIGHUP it starts new workers and then ends the old ones, each after the request it is at.
fn replace_workers(stack: &RunningStack, live: &Live, cancel: &Cancel) -> Result<(), StackError> {
    let name = live.set.name(0);
    let workers = || -> Vec<i32> {
        let running = stack.services().iter().find(|running| running.name == name);
        let members = running.map(|running| running.service.members()).unwrap_or_default();
        // Children of a child of the supervisor: of gunicorn's masters.
        let masters: Vec<i32> = members
            .iter()
            .filter(|process| running.is_some_and(|running| running.service.pid() == process.ppid))
            .map(|process| process.pid)
            .collect();
        members.iter().filter(|process| masters.contains(&process.ppid)).map(|process| process.pid).collect()
    };
    let old = workers();
    // The second site's gunicorn is not told, and its worker stays.
    let stay = usize::from(live.set.hello.is_some());
    supervise(live, &live.set, 0, &["signal", "HUP"], cancel)?;
    let count = usize::from(live.topology.workers_here());
    until("the old workers have ended", cancel, || {
        let now = workers();
        let old_left = now.iter().filter(|pid| old.contains(pid)).count();
        old_left <= stay && now.len() >= count + stay
    })
}

/// Tells the supervisor of an app server something about it.
fn supervise(
    live: &Live,
    set: &ServerSet,
    index: usize,
    command: &[&str],
    cancel: &Cancel,
) -> Result<(), StackError> {
    let program = server::supervisorctl(&live.site, set, index).args(command).arg(set.name(index));
    exec::run(program, "telling supervisor", SUPERVISOR, cancel, &mut |_, _| {}).map(|_| ())
}

/// Waits until something is true, for as long as any step of a manoeuvre may take.
fn until(what: &str, cancel: &Cancel, mut is_so: impl FnMut() -> bool) -> Result<(), StackError> {
    const PATIENCE: Duration = Duration::from_secs(40);
    let began = Instant::now();
    while !is_so() {
        if began.elapsed() > PATIENCE {
            let why = format!("after {} s it was not so that {what}", PATIENCE.as_secs());
            return Err(StackError::System { what: "a manoeuvre", why });
        }
        if cancel.sleep(Duration::from_millis(15)) {
            return Err(StackError::Cancelled);
        }
    }
    Ok(())
}

pub(crate) fn impossible(which: Rollout, why: &str) -> StackError {
    StackError::Manoeuvre { manoeuvre: which.name(), why: why.to_owned() }
}

fn micros(since: Instant) -> Micros {
    Micros(u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX))
}

/// The steps as they are made.
pub(crate) struct Steps<'a> {
    which: Rollout,
    began: Instant,
    made: Vec<ManoeuvreStep>,
    events: &'a dyn EventSink,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(which: Rollout, events: &'a dyn EventSink) -> Self {
        Self { which, began: Instant::now(), made: Vec::new(), events }
    }

    pub(crate) fn step(
        &mut self,
        what: &str,
        make: impl FnOnce() -> Result<(), StackError>,
    ) -> Result<(), StackError> {
        let began = Instant::now();
        let done = self.made.len() as u64;
        self.events.progress(Stage::Load, done, None, &format!("{}: {what}", self.which.name()));
        make()?;
        self.made.push(ManoeuvreStep { what: what.to_owned(), took_us: micros(began) });
        Ok(())
    }

    pub(crate) fn done(self, notes: Vec<String>) -> ManoeuvreReport {
        let Self { which, began, made: steps, .. } = self;
        ManoeuvreReport { manoeuvre: which, took_us: micros(began), steps, notes }
    }
}
