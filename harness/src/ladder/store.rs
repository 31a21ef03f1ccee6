//! The ladder folder, `<home>/ladders/<id>`. `ladder.json` is rewritten after every decision, so that a killed ladder run
//! still names every run folder that it began.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kneepoint_model::exit::ExitCode;
use kneepoint_model::ladder::{EqualRate, Ladder, MachineQuota, Rung};
use kneepoint_model::run::RunFolder;
use kneepoint_model::run::names;
use kneepoint_model::stack::Driver;
use kneepoint_stack::Topology;

use crate::config::{DataSize, Mix, Plan, Rate, StackDriver, StackPart};
use crate::failure::Failure;
use crate::{host, run};

/// A ladder run and its folder.
pub(crate) struct LadderStore {
    /// The folder `<home>/ladders/<id>`.
    pub(crate) folder: RunFolder,
    /// The folder that contains the run folders.
    pub(crate) runs: PathBuf,
    /// Content of `ladder.json`.
    pub(crate) ladder: Ladder,
}

impl LadderStore {
    /// Creates the folder of a new ladder run.
    pub(crate) fn create(
        plan: &Plan,
        part: &StackPart,
        rungs: &[Topology],
        command: Vec<String>,
    ) -> Result<Self, Failure> {
        run::write_gitignore(&plan.home)?;
        let now = jiff::Timestamp::now();
        let id = run::new_run_id(now);
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
            host: host::describe_host(),
            seed: plan.seed,
            size: match part.size {
                DataSize::S => "S",
                DataSize::M => "M",
                DataSize::L => "L",
            }
            .to_owned(),
            users: plan.load.users,
            scenarios: scenario_weights(&plan.load.mix),
            slo: plan.ladder.objective.clone(),
            search: plan.ladder.search,
            equal: match plan.ladder.rate {
                Rate::Auto => None,
                Rate::PerSecond(rate) => {
                    Some(EqualRate { rate: kneepoint_model::units::PerSecond(rate), from: None })
                }
            },
            rungs: rungs.iter().map(|topology| new_rung(topology, part.driver)).collect(),
            complete: false,
            stopped_by: None,
        };
        let folder = RunFolder::from_root(plan.home.join(names::LADDERS).join(&id));
        let store = Self { folder, runs: plan.home.join(names::RUNS), ladder };
        store.save()?;
        Ok(store)
    }

    /// Opens a stored ladder run: by name, by folder, or the latest.
    pub(crate) fn open(home: &Path, given: Option<&Path>) -> Result<Self, Failure> {
        let usage = |text: String| Failure::new(ExitCode::Usage, text);
        let ladders = home.join(names::LADDERS);
        let root = match given {
            Some(path) if path.join(names::LADDER).is_file() => path.to_owned(),
            Some(name) => ladders.join(name),
            None => latest(&ladders).ok_or_else(|| {
                usage(format!("no ladder run under {} yet; start one with: kneepoint ladder", home.display()))
            })?,
        };
        let folder = RunFolder::from_root(root);
        let ladder: Ladder = folder.read_json(names::LADDER).map_err(|e| {
            let known = list_stored(&ladders);
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            usage(format!(
                "{} is not the folder of a ladder run ({e}); stored ones: {known}",
                folder.root().display()
            ))
        })?;
        let runs = folder.path(&format!("../../{}", names::RUNS));
        Ok(Self { folder, runs, ladder })
    }

    /// Rewrites `ladder.json` with the current state.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        self.folder.write_json(names::LADDER, &self.ladder)?;
        Ok(())
    }
}

fn scenario_weights(mix: &Mix) -> BTreeMap<String, u32> {
    match mix {
        Mix::Given(scenarios) => {
            scenarios.iter().map(|(scenario, weight)| (scenario.name().to_owned(), *weight)).collect()
        }
        Mix::Crawled => BTreeMap::new(),
    }
}

/// The native driver has one machine, whatever machines the topology names.
fn new_rung(topology: &Topology, driver: StackDriver) -> Rung {
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

/// Names of stored ladder runs, oldest first: a name begins with the time.
fn list_stored(ladders: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(ladders).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().join(names::LADDER).is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn latest(ladders: &Path) -> Option<PathBuf> {
    list_stored(ladders).pop().map(|name| ladders.join(name))
}
