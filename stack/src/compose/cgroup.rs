//! Makes and removes the cgroups of machines. What is to be made is decided in `machines.rs`.
//!
//! Version 1 keeps a tree for each controller, and Docker makes a container's groups in all of them, below the parent that
//! it was told; so ours are made where their limits count, and removed wherever they are found.
//! Source: Documentation/admin-guide/cgroup-v1/memory.rst, Documentation/scheduler/sched-bwc.rst, cgroup-v2.rst.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_process::Program;

use super::machines::{self, Keeper, Limits, Parent};
use super::project::Project;
use crate::{StackError, exec};

/// systemd answers at once or not at all.
const SYSTEMCTL: Duration = Duration::from_secs(20);

/// The trees of cgroups on this machine, by what they control. Version 2 is the one under the empty name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Trees(BTreeMap<String, PathBuf>);

impl Trees {
    /// Those that are mounted.
    pub(super) fn here() -> Self {
        Self::parse(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
    }

    /// From `/proc/self/mountinfo`. Source: proc_pid_mountinfo(5).
    fn parse(mountinfo: &str) -> Self {
        let mut trees = BTreeMap::new();
        for line in mountinfo.lines() {
            let Some((before, after)) = line.split_once(" - ") else { continue };
            let Some(at) = before.split(' ').nth(4) else { continue };
            let mut fields = after.split(' ');
            let (kind, options) = (fields.next().unwrap_or_default(), fields.nth(1).unwrap_or_default());
            match kind {
                "cgroup2" => {
                    trees.entry(String::new()).or_insert_with(|| PathBuf::from(at));
                }
                "cgroup" => {
                    for controller in options.split(',').filter(|option| !matches!(*option, "rw" | "ro")) {
                        trees.entry(controller.to_owned()).or_insert_with(|| PathBuf::from(at));
                    }
                }
                _ => {}
            }
        }
        Self(trees)
    }

    fn of(&self, controller: &str) -> Result<&Path, StackError> {
        self.0.get(controller).map(PathBuf::as_path).ok_or_else(|| StackError::System {
            what: "making a machine",
            why: format!("no cgroup tree with the controller `{controller}` is mounted"),
        })
    }

    /// Each tree once.
    fn all(&self) -> Vec<&Path> {
        let mut all: Vec<&Path> = self.0.values().map(PathBuf::as_path).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// One file of a cgroup and what is written to it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Setting {
    controller: &'static str,
    file: &'static str,
    value: String,
}

/// What limits a machine, in the order in which the kernel takes it. Pure.
fn settings(keeper: Keeper, limits: Limits) -> Vec<Setting> {
    let set = |controller, file, value: String| Setting { controller, file, value };
    match keeper {
        Keeper::TreesV1 => vec![
            set("cpu", "cpu.cfs_period_us", limits.period_us.to_string()),
            set("cpu", "cpu.cfs_quota_us", limits.quota_us.to_string()),
            set("memory", "memory.limit_in_bytes", limits.memory_bytes.to_string()),
        ],
        Keeper::TreeV2 => vec![
            set("", "cpu.max", format!("{} {}", limits.quota_us, limits.period_us)),
            set("", "memory.max", limits.memory_bytes.to_string()),
        ],
        Keeper::Systemd => Vec::new(),
    }
}

/// What systemd is told of a machine. Pure. Source: systemctl(1), systemd.resource-control(5).
fn properties(parent: &Parent) -> Vec<String> {
    let Limits { quota_us, period_us, memory_bytes } = parent.limits;
    let per_cent = quota_us * 100 / period_us;
    vec![
        "set-property".to_owned(),
        "--runtime".to_owned(),
        parent.name.clone(),
        format!("CPUQuota={per_cent}%"),
        format!("CPUQuotaPeriodSec={period_us}us"),
        format!("MemoryMax={memory_bytes}"),
    ]
}

/// Makes the machines; limits that are there already are set anew.
///
/// # Errors
/// `Io` naming the file that the kernel did not take, `Step` of systemctl.
pub(super) fn make(
    keeper: Keeper,
    parents: &[Parent],
    trees: &Trees,
    cancel: &Cancel,
) -> Result<(), StackError> {
    parents.iter().try_for_each(|parent| match keeper {
        Keeper::Systemd => systemctl(&properties(parent), cancel),
        Keeper::TreesV1 | Keeper::TreeV2 => make_in_trees(keeper, parent, trees),
    })
}

fn make_in_trees(keeper: Keeper, parent: &Parent, trees: &Trees) -> Result<(), StackError> {
    let below = parent.name.trim_start_matches('/');
    if keeper == Keeper::TreeV2 {
        hand_down(trees.of("")?, below)?;
    }
    for setting in settings(keeper, parent.limits) {
        let folder = trees.of(setting.controller)?.join(below);
        fs::create_dir_all(&folder).map_err(StackError::io("make the cgroup", &folder))?;
        let file = folder.join(setting.file);
        fs::write(&file, &setting.value).map_err(StackError::io("write", &file))?;
    }
    Ok(())
}

/// Version 2 gives a controller to a group only when each group above hands it down.
fn hand_down(tree: &Path, below: &str) -> Result<(), StackError> {
    let mut folder = tree.to_owned();
    for part in Path::new(below).components() {
        let file = folder.join("cgroup.subtree_control");
        fs::write(&file, "+cpu +memory").map_err(StackError::io("write", &file))?;
        folder.push(part);
        fs::create_dir_all(&folder).map_err(StackError::io("make the cgroup", &folder))?;
    }
    Ok(())
}

/// Removes every cgroup of a project, wherever it is; gives those that could not be removed.
pub(super) fn remove(project: &Project, trees: &Trees, cancel: &Cancel) -> Vec<PathBuf> {
    let mut left = Vec::new();
    for tree in trees.all() {
        let folder = machines::folder(tree, project);
        if folder.is_dir() && remove_tree(&folder).is_err() {
            left.push(folder);
        }
    }
    for slice in slices(project) {
        let _ = systemctl(&["stop".to_owned(), slice.clone()], cancel);
        let _ = systemctl(&["revert".to_owned(), slice], cancel);
    }
    left
}

/// Cgroups that are there for a project: for the proof that none is.
pub(super) fn of_project(project: &Project, trees: &Trees) -> Vec<PathBuf> {
    trees
        .all()
        .into_iter()
        .map(|tree| machines::folder(tree, project))
        .filter(|folder| folder.is_dir())
        .collect()
}

/// A cgroup is removed with rmdir, its children first; the files in it are the kernel's. A group whose last process has
/// just ended may be busy for a moment.
fn remove_tree(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)?.flatten() {
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    let mut result = fs::remove_dir(folder);
    for _ in 0..40 {
        match &result {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                std::thread::sleep(Duration::from_millis(25));
                result = fs::remove_dir(folder);
            }
            _ => break,
        }
    }
    result
}

/// Slices whose settings systemd keeps for this boot.
fn slices(project: &Project) -> Vec<String> {
    let prefix = machines::slice_prefix(project);
    let Ok(entries) = fs::read_dir("/run/systemd/system.control") else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter(|name| name.starts_with(&prefix))
        .map(|name| name.trim_end_matches(".d").to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

fn systemctl(args: &[String], cancel: &Cancel) -> Result<(), StackError> {
    let program = Program::new("systemctl").args(args);
    exec::run(program, "telling systemd of a machine", SYSTEMCTL, cancel, &mut |_, _| {}).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "\
31 24 0:27 / /sys/fs/cgroup rw,nosuid - tmpfs cgroup rw,mode=755
33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct
34 31 0:30 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory
35 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
";

    fn limits() -> Limits {
        Limits { quota_us: 10_000, period_us: 20_000, memory_bytes: 1 << 30 }
    }

    fn parent(name: &str) -> Parent {
        Parent { machine: "app".to_owned(), name: name.to_owned(), limits: limits() }
    }

    #[test]
    fn trees_by_controller() {
        let trees = Trees::parse(V1);
        assert_eq!(trees.of("cpu").unwrap(), Path::new("/sys/fs/cgroup/cpu,cpuacct"));
        assert_eq!(trees.of("cpuacct").unwrap(), trees.of("cpu").unwrap());
        assert_eq!(trees.of("").unwrap(), Path::new("/sys/fs/cgroup/unified"));
        assert!(trees.of("rw").is_err() && trees.of("hugetlb").is_err());
        assert_eq!(trees.all().len(), 3);
        let v2 =
            Trees::parse("25 30 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
        assert_eq!((v2.of("").unwrap(), v2.all().len()), (Path::new("/sys/fs/cgroup"), 1));
    }

    #[test]
    fn limits_as_each_kernel_takes_them() {
        let text = |keeper| {
            let settings = settings(keeper, limits());
            settings.into_iter().map(|s| format!("{}={}", s.file, s.value)).collect::<Vec<_>>()
        };
        assert_eq!(
            text(Keeper::TreesV1),
            ["cpu.cfs_period_us=20000", "cpu.cfs_quota_us=10000", "memory.limit_in_bytes=1073741824"]
        );
        assert_eq!(text(Keeper::TreeV2), ["cpu.max=10000 20000", "memory.max=1073741824"]);
        assert_eq!(
            properties(&parent("a-app.slice"))[2..],
            ["a-app.slice", "CPUQuota=50%", "CPUQuotaPeriodSec=20000us", "MemoryMax=1073741824"]
        );
    }

    /// A folder stands for a tree: there the files are plain files.
    #[test]
    fn machines_are_made_in_the_trees_and_removed() {
        let temp = tempfile::tempdir().unwrap();
        let project = Project::of(Path::new("/x"), None);
        let trees =
            Trees(["cpu", "memory", "pids"].map(|name| (name.to_owned(), temp.path().join(name))).into());
        let parents = [parent(&format!("/{project}/app"))];
        make(Keeper::TreesV1, &parents, &trees, &Cancel::new()).unwrap();
        let quota = temp.path().join(format!("cpu/{project}/app/cpu.cfs_quota_us"));
        assert_eq!(fs::read_to_string(&quota).unwrap(), "10000");
        assert_eq!(of_project(&project, &trees).len(), 2);
        // In a real tree the kernel's files do not keep a folder from being removed; here they do.
        for file in [
            "cpu/{}/app/cpu.cfs_quota_us",
            "cpu/{}/app/cpu.cfs_period_us",
            "memory/{}/app/memory.limit_in_bytes",
        ] {
            fs::remove_file(temp.path().join(file.replace("{}", project.name()))).unwrap();
        }
        assert!(remove(&project, &trees, &Cancel::new()).is_empty());
        assert!(of_project(&project, &trees).is_empty());
    }

    #[test]
    fn version_2_hands_controllers_down() {
        let temp = tempfile::tempdir().unwrap();
        let trees = Trees([(String::new(), temp.path().to_owned())].into());
        make(Keeper::TreeV2, &[parent("/p/app")], &trees, &Cancel::new()).unwrap();
        let read = |file: &str| fs::read_to_string(temp.path().join(file)).unwrap();
        assert_eq!(read("cgroup.subtree_control"), "+cpu +memory");
        assert_eq!(read("p/cgroup.subtree_control"), "+cpu +memory");
        assert_eq!(read("p/app/cpu.max"), "10000 20000");
    }
}
