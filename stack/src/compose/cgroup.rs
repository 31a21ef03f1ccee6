//! Creates and removes the cgroups of machines; `machines.rs` decides which.
//!
//! Version 1 has one tree per controller, and Docker creates a container's groups in all of them, below the given parent. So
//! kneepoint creates its groups where their limits apply, and removes them wherever they are found.
//! Source: Documentation/admin-guide/cgroup-v1/memory.rst, Documentation/scheduler/sched-bwc.rst, cgroup-v2.rst.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_process::Program;

use super::machines::{self, CgroupManager, Limits, MachineCgroup};
use super::project::Project;
use crate::error::StackError;
use crate::host::exec;

/// systemd responds at once or not at all.
const SYSTEMCTL_TIMEOUT: Duration = Duration::from_secs(20);

/// Mount points of the cgroup trees by controller. Version 2 has the empty name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CgroupTrees(BTreeMap<String, PathBuf>);

impl CgroupTrees {
    pub(super) fn mounted() -> Self {
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

    fn for_controller(&self, controller: &str) -> Result<&Path, StackError> {
        self.0.get(controller).map(PathBuf::as_path).ok_or_else(|| StackError::System {
            what: "creating the cgroup of a machine",
            why: format!("no cgroup tree with the controller `{controller}` is mounted"),
        })
    }

    /// Each mount point once: version 1 mounts several controllers together.
    fn distinct(&self) -> Vec<&Path> {
        let mut all: Vec<&Path> = self.0.values().map(PathBuf::as_path).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// A file of a cgroup and the value to write.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CgroupSetting {
    controller: &'static str,
    file: &'static str,
    value: String,
}

/// The limits of a machine in the order in which the kernel accepts them. Pure.
fn limit_settings(manager: CgroupManager, limits: Limits) -> Vec<CgroupSetting> {
    let set = |controller, file, value: String| CgroupSetting { controller, file, value };
    match manager {
        CgroupManager::TreesV1 => vec![
            set("cpu", "cpu.cfs_period_us", limits.period_us.to_string()),
            set("cpu", "cpu.cfs_quota_us", limits.quota_us.to_string()),
            set("memory", "memory.limit_in_bytes", limits.memory_bytes.to_string()),
        ],
        CgroupManager::TreeV2 => vec![
            set("", "cpu.max", format!("{} {}", limits.quota_us, limits.period_us)),
            set("", "memory.max", limits.memory_bytes.to_string()),
        ],
        CgroupManager::Systemd => Vec::new(),
    }
}

/// Arguments of systemctl that limit a machine. Pure. Source: systemctl(1), systemd.resource-control(5).
fn slice_properties(parent: &MachineCgroup) -> Vec<String> {
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

/// Creates the machines; limits of existing ones are overwritten.
///
/// # Errors
/// `Io` naming the file that the kernel refused; `Step` of systemctl.
pub(super) fn create_machines(
    manager: CgroupManager,
    parents: &[MachineCgroup],
    trees: &CgroupTrees,
    cancel: &Cancel,
) -> Result<(), StackError> {
    parents.iter().try_for_each(|parent| match manager {
        CgroupManager::Systemd => systemctl(&slice_properties(parent), cancel),
        CgroupManager::TreesV1 | CgroupManager::TreeV2 => create_in_trees(manager, parent, trees),
    })
}

fn create_in_trees(
    manager: CgroupManager,
    parent: &MachineCgroup,
    trees: &CgroupTrees,
) -> Result<(), StackError> {
    let below = parent.name.trim_start_matches('/');
    if manager == CgroupManager::TreeV2 {
        delegate_controllers(trees.for_controller("")?, below)?;
    }
    for setting in limit_settings(manager, parent.limits) {
        let folder = trees.for_controller(setting.controller)?.join(below);
        fs::create_dir_all(&folder).map_err(StackError::io("create the cgroup", &folder))?;
        let file = folder.join(setting.file);
        fs::write(&file, &setting.value).map_err(StackError::io("write", &file))?;
    }
    Ok(())
}

/// In version 2 a group has a controller only when each group above it delegates that controller.
fn delegate_controllers(tree: &Path, below: &str) -> Result<(), StackError> {
    let mut folder = tree.to_owned();
    for part in Path::new(below).components() {
        let file = folder.join("cgroup.subtree_control");
        fs::write(&file, "+cpu +memory").map_err(StackError::io("write", &file))?;
        folder.push(part);
        fs::create_dir_all(&folder).map_err(StackError::io("create the cgroup", &folder))?;
    }
    Ok(())
}

/// Removes the cgroups of a project from all trees; returns those that could not be removed.
pub(super) fn remove_machines(project: &Project, trees: &CgroupTrees, cancel: &Cancel) -> Vec<PathBuf> {
    let mut remaining = Vec::new();
    for tree in trees.distinct() {
        let folder = machines::machines_folder(tree, project);
        if folder.is_dir() && remove_tree(&folder).is_err() {
            remaining.push(folder);
        }
    }
    for slice in runtime_slices(project) {
        let _ = systemctl(&["stop".to_owned(), slice.clone()], cancel);
        let _ = systemctl(&["revert".to_owned(), slice], cancel);
    }
    remaining
}

/// Existing cgroups of a project.
pub(super) fn list_machines(project: &Project, trees: &CgroupTrees) -> Vec<PathBuf> {
    trees
        .distinct()
        .into_iter()
        .map(|tree| machines::machines_folder(tree, project))
        .filter(|folder| folder.is_dir())
        .collect()
}

/// A cgroup is removed with rmdir, children first; its files belong to the kernel. A group whose last process has just
/// ended may be busy for a moment.
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

/// Slices of the project whose settings systemd keeps until reboot.
fn runtime_slices(project: &Project) -> Vec<String> {
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
    exec::run(program, "configuring a slice with systemctl", SYSTEMCTL_TIMEOUT, cancel, &mut |_, _| {})
        .map(|_| ())
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

    fn parent(name: &str) -> MachineCgroup {
        MachineCgroup { machine: "app".to_owned(), name: name.to_owned(), limits: limits() }
    }

    #[test]
    fn trees_by_controller() {
        let trees = CgroupTrees::parse(V1);
        assert_eq!(trees.for_controller("cpu").unwrap(), Path::new("/sys/fs/cgroup/cpu,cpuacct"));
        assert_eq!(trees.for_controller("cpuacct").unwrap(), trees.for_controller("cpu").unwrap());
        assert_eq!(trees.for_controller("").unwrap(), Path::new("/sys/fs/cgroup/unified"));
        assert!(trees.for_controller("rw").is_err() && trees.for_controller("hugetlb").is_err());
        assert_eq!(trees.distinct().len(), 3);
        let v2 = CgroupTrees::parse(
            "25 30 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
        );
        assert_eq!((v2.for_controller("").unwrap(), v2.distinct().len()), (Path::new("/sys/fs/cgroup"), 1));
    }

    #[test]
    fn limits_as_each_kernel_accepts_them() {
        let text = |manager| {
            let settings = limit_settings(manager, limits());
            settings.into_iter().map(|s| format!("{}={}", s.file, s.value)).collect::<Vec<_>>()
        };
        assert_eq!(
            text(CgroupManager::TreesV1),
            ["cpu.cfs_period_us=20000", "cpu.cfs_quota_us=10000", "memory.limit_in_bytes=1073741824"]
        );
        assert_eq!(text(CgroupManager::TreeV2), ["cpu.max=10000 20000", "memory.max=1073741824"]);
        assert_eq!(
            slice_properties(&parent("a-app.slice"))[2..],
            ["a-app.slice", "CPUQuota=50%", "CPUQuotaPeriodSec=20000us", "MemoryMax=1073741824"]
        );
    }

    /// Plain folders replace the cgroup trees here.
    #[test]
    fn machines_are_created_in_the_trees_and_removed() {
        let temp = tempfile::tempdir().unwrap();
        let project = Project::for_slot(Path::new("/x"), None);
        let trees = CgroupTrees(
            ["cpu", "memory", "pids"].map(|name| (name.to_owned(), temp.path().join(name))).into(),
        );
        let parents = [parent(&format!("/{project}/app"))];
        create_machines(CgroupManager::TreesV1, &parents, &trees, &Cancel::new()).unwrap();
        let quota = temp.path().join(format!("cpu/{project}/app/cpu.cfs_quota_us"));
        assert_eq!(fs::read_to_string(&quota).unwrap(), "10000");
        assert_eq!(list_machines(&project, &trees).len(), 2);
        // In a real tree the kernel's files do not prevent removal of the folder; plain files do.
        for file in [
            "cpu/{}/app/cpu.cfs_quota_us",
            "cpu/{}/app/cpu.cfs_period_us",
            "memory/{}/app/memory.limit_in_bytes",
        ] {
            fs::remove_file(temp.path().join(file.replace("{}", project.name()))).unwrap();
        }
        assert!(remove_machines(&project, &trees, &Cancel::new()).is_empty());
        assert!(list_machines(&project, &trees).is_empty());
    }

    #[test]
    fn version_2_delegates_controllers() {
        let temp = tempfile::tempdir().unwrap();
        let trees = CgroupTrees([(String::new(), temp.path().to_owned())].into());
        create_machines(CgroupManager::TreeV2, &[parent("/p/app")], &trees, &Cancel::new()).unwrap();
        let read = |file: &str| fs::read_to_string(temp.path().join(file)).unwrap();
        assert_eq!(read("cgroup.subtree_control"), "+cpu +memory");
        assert_eq!(read("p/cgroup.subtree_control"), "+cpu +memory");
        assert_eq!(read("p/app/cpu.max"), "10000 20000");
    }
}
