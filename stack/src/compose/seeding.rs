//! Makes the data of a snapshot: starts an empty database, runs the service `seed`, shuts down cleanly and packs the volumes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stage::Stage;

use super::base::BaseImage;
use super::docker::{self, ComposeInvocation, ComposeTool, Docker};
use super::home::ComposeHome;
use super::images::ImageSet;
use super::machines::Machines;
use super::mounts::{Mounts, write_private};
use super::override_file::OverrideFile;
use super::plan::ComposeGuard;
use super::ports::PublishedPorts;
use super::service::ComposeService;
use super::variables::{objects_url, site_variables};
use super::wait::ReadinessWaiter;
use super::{docker_resources, volumes};
use crate::error::StackError;
use crate::host::ports::PortPlan;
use crate::topology::{Database, Size, Topology};

/// Timeout for starting or stopping one container.
const CONTAINER_TIMEOUT: Duration = Duration::from_mins(2);
/// Where the search for free ports begins.
const PORTS: PortPlan = PortPlan { site: 28_306, fixed: false };
/// Seconds for a database to write everything to its files at shutdown.
const SHUTDOWN_SECONDS: &str = "60";

/// Makes data snapshots.
#[derive(Clone, Copy)]
pub(super) struct SnapshotBuilder<'a> {
    pub(super) docker: &'a Docker,
    pub(super) compose: &'a ComposeTool,
    pub(super) images: &'a ImageSet,
    pub(super) root: &'a Path,
    /// The extracted stack.
    pub(super) stack: &'a Path,
    pub(super) binary: &'a Path,
    pub(super) size: Size,
    pub(super) seed: u64,
    pub(super) guard: Option<&'a ComposeGuard>,
    pub(super) bridge: bool,
    pub(super) cancel: &'a Cancel,
    pub(super) events: &'a dyn EventSink,
}

/// The making of one snapshot.
pub(super) struct Seeding<'a> {
    pub(super) builder: &'a SnapshotBuilder<'a>,
    pub(super) home: &'a ComposeHome,
    pub(super) database: Database,
}

/// Files, variables and ports of the compose commands.
struct SeedFiles {
    override_file: PathBuf,
    variables: Vec<(String, String)>,
    ports: PublishedPorts,
}

impl Seeding<'_> {
    /// Packs the volumes into `part`; returns their names.
    pub(super) fn fill(&self, part: &Path) -> Result<Vec<&'static str>, StackError> {
        let SnapshotBuilder { docker, cancel, events, .. } = *self.builder;
        let project = self.home.project();
        let mut files = self.write_files()?;
        let call = ComposeInvocation {
            project: project.name(),
            folder: self.builder.stack,
            override_file: &files.override_file,
            variables: &files.variables,
        };
        volumes::create_volumes(docker, project, cancel)?;
        let mut names = vec!["site", "objects"];
        let mut services = vec![ComposeService::Objects];
        if self.database == Database::Mysql {
            names.push("db");
            services.push(ComposeService::Db);
        }
        files.ports.release(&services);
        self.start(&call, &services)?;
        self.seed(&call)?;
        for service in services {
            let container = docker_resources::find_container(docker, project, service, cancel)?;
            let step = "shutting down the filled database";
            docker.run(
                &["stop", "--time", SHUTDOWN_SECONDS, &container.id],
                step,
                CONTAINER_TIMEOUT,
                cancel,
            )?;
        }
        events.progress(Stage::Up, 0, None, "packing the data");
        let debian = self.builder.images.bases.get(&BaseImage::Debian);
        let debian = debian.map(|image| image.name.as_str()).unwrap_or_default();
        volumes::pack(docker, project, &names, part, debian, cancel)?;
        Ok(names)
    }

    fn write_files(&self) -> Result<SeedFiles, StackError> {
        let (builder, work, logs) = (self.builder, self.home.work_dir(), self.home.logs_dir());
        fs::create_dir_all(&work).map_err(StackError::io("create the folder", &work))?;
        let topology = minimal_topology(self.database)?;
        let site = site_variables(&topology, &BTreeMap::new(), &[])?.all;
        let text = OverrideFile {
            services: &[ComposeService::Db, ComposeService::Objects],
            topology: &topology,
            variables: &site,
            machines: &Machines::Off,
            logs: &logs,
        };
        let override_file = write_private(&work.join("override.json"), &text.text())?;
        // The service `seed` is not in the override and takes the site's variables from here. It also puts the covers into the
        // object store; a site without a store finds them in its own volume.
        let mut seed = site.clone();
        seed.insert("KP_OBJECTS_URL".to_owned(), objects_url());
        let lines = seed.iter().fold(String::new(), |lines, (name, value)| lines + name + "=" + value + "\n");
        let variant = write_private(&work.join("variant.env"), &lines)?;
        let mounts = Mounts {
            project: self.home.project(),
            conf: &work,
            logs: &logs,
            stack: builder.stack,
            binary: builder.binary,
            variant: &variant,
        };
        // Nothing connects to these ports, but they must not collide with those of a running stack.
        let ports = PublishedPorts::reserve(PORTS, ComposeService::Db, &[ComposeService::Objects])?;
        let mut variables = builder.images.variables();
        variables.extend(mounts.variables());
        variables.extend(ports.variables());
        variables.push(("KP_SIZE".to_owned(), builder.size.name().to_owned()));
        variables.push(("KP_SEED".to_owned(), builder.seed.to_string()));
        Ok(SeedFiles { override_file, variables, ports })
    }

    fn start(&self, call: &ComposeInvocation<'_>, services: &[ComposeService]) -> Result<(), StackError> {
        let SnapshotBuilder { docker, compose, cancel, events, .. } = *self.builder;
        events.progress(Stage::Up, 0, None, "initialising an empty database");
        let up = ["up", "--detach", "--no-deps", "--no-build"];
        let args: Vec<&str> = up.into_iter().chain(services.iter().map(|service| service.name())).collect();
        let program = docker.compose_command(compose, call, &args);
        docker::run_tool(
            program,
            "starting the stores to be filled",
            CONTAINER_TIMEOUT,
            cancel,
            &mut |_, _| {},
        )?;
        let (project, logs) = (self.home.project(), self.home.logs_dir());
        let waiter = ReadinessWaiter { docker, project, bridge: self.builder.bridge, logs: &logs, cancel };
        services.iter().try_for_each(|service| waiter.wait_until_ready(*service).map(|_| ()))
    }

    fn seed(&self, call: &ComposeInvocation<'_>) -> Result<(), StackError> {
        let SnapshotBuilder { docker, compose, cancel, events, .. } = *self.builder;
        let step = "seeding the bookstore";
        events.progress(Stage::Up, 0, None, step);
        let args = ["run", "--rm", "--no-deps", "-T", "seed"];
        let program = docker.compose_command(compose, call, &args);
        let mut each = |_, line: &str| {
            if let Some(what) = line.trim().strip_prefix("seed: ") {
                events.progress(Stage::Up, 0, None, &format!("{step}: {what}"));
            }
        };
        docker::run_tool(program, step, seed_timeout(self.builder.size), cancel, &mut each).map(|_| ())
    }
}

/// The smallest topology that has the data.
fn minimal_topology(database: Database) -> Result<Topology, StackError> {
    let mut topology = Topology::named("gunicorn")?;
    topology.db = Some(database);
    topology.engine = false;
    Ok(topology)
}

const fn seed_timeout(size: Size) -> Duration {
    match size {
        Size::S => Duration::from_mins(4),
        Size::M => Duration::from_mins(10),
        Size::L => Duration::from_mins(45),
    }
}
