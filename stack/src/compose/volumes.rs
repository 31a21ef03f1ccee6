//! Volumes: made with the labels by which compose takes them for its own, filled from a snapshot, and packed into one.

use std::path::Path;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;

use super::docker::{Docker, SHORT};
use super::project::Project;
use crate::StackError;

/// Volumes of `compose.yaml`.
pub(super) const NAMES: [&str; 3] = ["db", "site", "objects"];
/// Packing or unpacking the largest data on a slow disk.
const TAR: Duration = Duration::from_mins(10);

/// Makes the volumes of a project, empty.
pub(super) fn make(docker: &Docker, project: &Project, cancel: &Cancel) -> Result<(), StackError> {
    NAMES.into_iter().try_for_each(|name| {
        let ours = project.label();
        let (of, which) =
            (format!("com.docker.compose.project={project}"), format!("com.docker.compose.volume={name}"));
        let full = project.volume(name);
        let args = ["volume", "create", "--label", &ours, "--label", &of, "--label", &which, &full];
        docker.ask(&args, "making a volume", SHORT, cancel).map(|_| ())
    })
}

/// The snapshot's file of a volume.
pub(super) fn file(name: &str) -> String {
    format!("{name}.tar")
}

/// Fills a project's volumes from a snapshot's folder; a volume without a file stays empty.
pub(super) fn restore(
    docker: &Docker,
    project: &Project,
    snapshot: &Path,
    image: &str,
    cancel: &Cancel,
) -> Result<(), StackError> {
    let names: Vec<&str> = NAMES.into_iter().filter(|name| snapshot.join(file(name)).is_file()).collect();
    let script = names.iter().map(|name| format!("tar -C /volumes/{name} -xf /snapshot/{}", file(name)));
    let script = script.collect::<Vec<_>>().join(" && ");
    let mount = format!("{}:/snapshot:ro", snapshot.display());
    one_shot(docker, project, "restore", &[mount], &names, image, &script, cancel)
}

/// Packs a project's volumes into files of this folder; nothing may be writing to them.
pub(super) fn pack(
    docker: &Docker,
    project: &Project,
    names: &[&str],
    folder: &Path,
    image: &str,
    cancel: &Cancel,
) -> Result<(), StackError> {
    // Sparse: logs of a database are mostly holes.
    let script =
        names.iter().map(|name| format!("tar -C /volumes/{name} --sparse -cf /snapshot/{} .", file(name)));
    let script = script.collect::<Vec<_>>().join(" && ");
    let mount = format!("{}:/snapshot", folder.display());
    one_shot(docker, project, "pack", &[mount], names, image, &script, cancel)
}

#[expect(clippy::too_many_arguments, reason = "one private call for two tasks that differ in all of them")]
fn one_shot(
    docker: &Docker,
    project: &Project,
    task: &'static str,
    mounts: &[String],
    volumes: &[&str],
    image: &str,
    script: &str,
    cancel: &Cancel,
) -> Result<(), StackError> {
    let (name, label) = (project.one_shot(task), project.label());
    let volumes = volumes.iter().map(|short| format!("{}:/volumes/{short}", project.volume(short)));
    let all: Vec<String> = mounts.iter().cloned().chain(volumes).collect();
    let mut args =
        vec!["run", "--rm", "--network", "none", "--name", &name, "--label", &label, "--user", "0"];
    for mount in &all {
        args.extend(["--volume", mount]);
    }
    args.extend(["--entrypoint", "bash", image, "-ec", script]);
    let step = if task == "pack" { "packing the data" } else { "restoring the data" };
    docker.ask(&args, step, TAR, cancel).map(|_| ())
}
