//! Makes the data of a snapshot: an empty database, the service `seed`, a clean end, and the volumes packed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::stage::Stage;

use super::base::Base;
use super::docker::{self, ComposeCall};
use super::home::Home;
use super::layout::{Mounts, write_private};
use super::machines::Machines;
use super::override_file::Override;
use super::ports::HeldPorts;
use super::service::ComposeService;
use super::snapshot::Maker;
use super::wait::Waiter;
use super::{mine, variables, volumes};
use crate::topology::{Database, Topology};
use crate::{PortPlan, Size, StackError};

/// Starting or stopping one container.
const START: Duration = Duration::from_mins(2);
/// From here on ports are looked for.
const PORTS: PortPlan = PortPlan { site: 28_306, fixed: false };
/// A database that is shut down writes everything to its files.
const SHUTDOWN: &str = "60";

/// One making.
pub(super) struct Seeding<'a> {
    pub(super) maker: &'a Maker<'a>,
    pub(super) home: &'a Home,
    pub(super) database: Database,
}

/// What compose is told.
struct Written {
    override_file: PathBuf,
    variables: Vec<(String, String)>,
    ports: HeldPorts,
}

impl Seeding<'_> {
    /// Fills `part`; gives the names of the volumes that were packed.
    pub(super) fn make(&self, part: &Path) -> Result<Vec<&'static str>, StackError> {
        let Maker { docker, cancel, events, .. } = *self.maker;
        let project = self.home.project();
        let mut written = self.write()?;
        let call = ComposeCall {
            project: project.name(),
            folder: self.maker.stack,
            override_file: &written.override_file,
            variables: &written.variables,
        };
        volumes::make(docker, project, cancel)?;
        let mut names = vec!["site", "objects"];
        let mut services = vec![ComposeService::Objects];
        if self.database == Database::Mysql {
            names.push("db");
            services.push(ComposeService::Db);
        }
        written.ports.release(&services);
        self.start(&call, &services)?;
        self.seed(&call)?;
        for service in services {
            let container = mine::container(docker, project, service, cancel)?;
            let step = "shutting down what was filled";
            docker.ask(&["stop", "--time", SHUTDOWN, &container.id], step, START, cancel)?;
        }
        events.progress(Stage::Up, 0, None, "packing the data");
        let debian = self.maker.images.bases.get(&Base::Debian);
        let debian = debian.map(|image| image.name.as_str()).unwrap_or_default();
        volumes::pack(docker, project, &names, part, debian, cancel)?;
        Ok(names)
    }

    fn write(&self) -> Result<Written, StackError> {
        let (maker, work, logs) = (self.maker, self.home.work(), self.home.logs());
        fs::create_dir_all(&work).map_err(StackError::io("make the folder", &work))?;
        let topology = topology(self.database)?;
        let site = variables::of(&topology, &BTreeMap::new(), &[])?.all;
        let text = Override {
            services: &[ComposeService::Db, ComposeService::Objects],
            topology: &topology,
            variables: &site,
            machines: &Machines::Off,
            logs: &logs,
        };
        let override_file = write_private(&work.join("override.json"), &text.text())?;
        // The service `seed` is no part of the override: it takes the site's variables from here. It puts the covers into
        // the object store too; a site without a store finds them in its own volume.
        let mut seed = site.clone();
        seed.insert("KP_OBJECTS_URL".to_owned(), variables::objects_url());
        let lines = seed.iter().fold(String::new(), |lines, (name, value)| lines + name + "=" + value + "\n");
        let variant = write_private(&work.join("variant.env"), &lines)?;
        let mounts = Mounts {
            project: self.home.project(),
            conf: &work,
            logs: &logs,
            stack: maker.stack,
            binary: maker.binary,
            variant: &variant,
        };
        // Nobody needs their ports, and they must not collide with those of a stack that stands.
        let ports = HeldPorts::hold(PORTS, ComposeService::Db, &[ComposeService::Objects])?;
        let mut variables = maker.images.variables();
        variables.extend(mounts.variables());
        variables.extend(ports.variables());
        variables.push(("KP_SIZE".to_owned(), maker.size.name().to_owned()));
        variables.push(("KP_SEED".to_owned(), maker.seed.to_string()));
        Ok(Written { override_file, variables, ports })
    }

    fn start(&self, call: &ComposeCall<'_>, services: &[ComposeService]) -> Result<(), StackError> {
        let Maker { docker, compose, cancel, events, .. } = *self.maker;
        events.progress(Stage::Up, 0, None, "initialising an empty database");
        let up = ["up", "--detach", "--no-deps", "--no-build"];
        let args: Vec<&str> = up.into_iter().chain(services.iter().map(|service| service.name())).collect();
        let program = docker.compose_command(compose, call, &args);
        docker::run(program, "starting what is to be filled", START, cancel, &mut |_, _| {})?;
        let (project, logs) = (self.home.project(), self.home.logs());
        let waiter = Waiter { docker, project, bridge: self.maker.bridge, logs: &logs, cancel };
        services.iter().try_for_each(|service| waiter.wait(*service).map(|_| ()))
    }

    fn seed(&self, call: &ComposeCall<'_>) -> Result<(), StackError> {
        let Maker { docker, compose, cancel, events, .. } = *self.maker;
        let step = "seeding the bookstore";
        events.progress(Stage::Up, 0, None, step);
        let args = ["run", "--rm", "--no-deps", "-T", "seed"];
        let program = docker.compose_command(compose, call, &args);
        let mut each = |_, line: &str| {
            if let Some(what) = line.trim().strip_prefix("seed: ") {
                events.progress(Stage::Up, 0, None, &format!("{step}: {what}"));
            }
        };
        docker::run(program, step, deadline(self.maker.size), cancel, &mut each).map(|_| ())
    }
}

/// The least that the data depends on.
fn topology(database: Database) -> Result<Topology, StackError> {
    let mut topology = Topology::named("gunicorn")?;
    topology.db = Some(database);
    topology.engine = false;
    Ok(topology)
}

const fn deadline(size: Size) -> Duration {
    match size {
        Size::S => Duration::from_mins(4),
        Size::M => Duration::from_mins(10),
        Size::L => Duration::from_mins(45),
    }
}
