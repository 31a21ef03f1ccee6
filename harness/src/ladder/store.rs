//! The ladder folder, `<home>/ladders/<id>`: `ladder.json` is rewritten whenever something is decided, so that a climb that
//! was killed names every run folder that it had begun.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kneepoint_model::exit::ExitCode;
use kneepoint_model::ladder::{EqualRate, Ladder, MachineQuota, Rung, names};
use kneepoint_model::run::RunFolder;
use kneepoint_model::stack::Driver;
use kneepoint_stack::Topology;

use crate::config::{DataSize, Mix, Plan, Rate, StackDriver, StackPart};
use crate::failure::Failure;
use crate::{host, run};

/// A climb and its folder.
pub(crate) struct Store {
    /// The folder.
    pub(crate) folder: RunFolder,
    /// Where the run folders lie that it names.
    pub(crate) runs: PathBuf,
    /// What was asked, and how far it got.
    pub(crate) ladder: Ladder,
}

impl Store {
    /// Makes a new climb; nothing is measured yet.
    pub(crate) fn create(
        plan: &Plan,
        part: &StackPart,
        rungs: &[Topology],
        command: Vec<String>,
    ) -> Result<Self, Failure> {
        run::ignore_itself(&plan.home)?;
        let now = jiff::Timestamp::now();
        let id = run::id(now);
        let ladder = Ladder {
            format_version: Ladder::VERSION,
            ladder_id: id.clone(),
            kneepoint: env!("CARGO_PKG_VERSION").to_owned(),
            started: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            command,
            driver: match part.driver {
                StackDriver::Native => Driver::Native,
                StackDriver::Compose => Driver::Compose,
            },
            host: host::describe(),
            seed: plan.seed,
            size: match part.size {
                DataSize::S => "S",
                DataSize::M => "M",
                DataSize::L => "L",
            }
            .to_owned(),
            users: plan.load.users,
            scenarios: weights(&plan.load.mix),
            promise: plan.ladder.promise.clone(),
            search: plan.ladder.search,
            equal: match plan.ladder.rate {
                Rate::Auto => None,
                Rate::PerSecond(rate) => {
                    Some(EqualRate { rate: kneepoint_model::units::PerSecond(rate), from: None })
                }
            },
            rungs: rungs.iter().map(|topology| rung(topology, part.driver)).collect(),
            complete: false,
            stopped_by: None,
        };
        let folder = RunFolder::bare(plan.home.join("ladders").join(&id));
        let store = Self { folder, runs: plan.home.join("runs"), ladder };
        store.save()?;
        Ok(store)
    }

    /// Opens a climb that was stored: by its name, by its folder, or the latest.
    pub(crate) fn open(home: &Path, given: Option<&Path>) -> Result<Self, Failure> {
        let usage = |text: String| Failure::new(ExitCode::Usage, text);
        let ladders = home.join("ladders");
        let root = match given {
            Some(path) if path.join(names::LADDER).is_file() => path.to_owned(),
            Some(name) => ladders.join(name),
            None => latest(&ladders)
                .ok_or_else(|| usage(format!("no climb under {} yet: kneepoint ladder", home.display())))?,
        };
        let folder = RunFolder::bare(root);
        let ladder: Ladder = folder.read_json(names::LADDER).map_err(|e| {
            let known = listed(&ladders);
            let known = if known.is_empty() { "none yet".to_owned() } else { known.join(", ") };
            usage(format!("{} is no folder of a climb ({e}); there are: {known}", folder.root().display()))
        })?;
        let runs = folder.path("../../runs");
        Ok(Self { folder, runs, ladder })
    }

    /// Writes what is known so far.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        self.folder.write_json(names::LADDER, &self.ladder)?;
        Ok(())
    }
}

fn weights(mix: &Mix) -> BTreeMap<String, u32> {
    match mix {
        Mix::Given(scenarios) => {
            scenarios.iter().map(|(scenario, weight)| (scenario.name().to_owned(), *weight)).collect()
        }
        Mix::Crawled => BTreeMap::new(),
    }
}

/// Natively there is one machine, whatever the topology would like.
fn rung(topology: &Topology, driver: StackDriver) -> Rung {
    let machines = topology.machines.iter().map(|machine| MachineQuota {
        name: machine.name.clone(),
        cpus: machine.cpus,
        memory_mib: machine.memory_mib,
        services: machine.services.clone(),
    });
    Rung {
        name: topology.name.clone(),
        place: topology.rung,
        about: topology.about.clone(),
        buys: topology.expected_gain.clone(),
        machines: match driver {
            StackDriver::Native => Vec::new(),
            StackDriver::Compose => machines.collect(),
        },
        run: None,
        failed: None,
    }
}

/// Names of stored climbs, oldest first: they begin with the time.
fn listed(ladders: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(ladders).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().join(names::LADDER).is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn latest(ladders: &Path) -> Option<PathBuf> {
    listed(ladders).pop().map(|name| ladders.join(name))
}
