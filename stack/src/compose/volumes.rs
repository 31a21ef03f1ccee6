//! Volumes: created with compose's labels, so that compose accepts them as its own, filled from a snapshot, packed into one.

use std::path::Path;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;

use super::docker::{Docker, SHORT};
use super::project::Project;
use crate::error::StackError;

/// The volumes of `compose.yaml`.
pub(super) const VOLUMES: [&str; 3] = ["db", "site", "objects"];
/// Enough to pack or unpack the largest data on a slow disk.
const TAR_TIMEOUT: Duration = Duration::from_mins(10);

/// Creates the empty volumes of a project.
pub(super) fn create_volumes(docker: &Docker, project: &Project, cancel: &Cancel) -> Result<(), StackError> {
    VOLUMES.into_iter().try_for_each(|name| {
        let label = project.label();
        let (project_label, volume_label) =
            (format!("com.docker.compose.project={project}"), format!("com.docker.compose.volume={name}"));
        let full = project.volume(name);
        let args = [
            "volume",
            "create",
            "--label",
            &label,
            "--label",
            &project_label,
            "--label",
            &volume_label,
            &full,
        ];
        docker.run(&args, "creating a volume", SHORT, cancel).map(|_| ())
    })
}

/// The file of a volume in a snapshot.
pub(super) fn archive_name(name: &str) -> String {
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
    let names: Vec<&str> =
        VOLUMES.into_iter().filter(|name| snapshot.join(archive_name(name)).is_file()).collect();
    let script =
        names.iter().map(|name| format!("tar -C /volumes/{name} -xf /snapshot/{}", archive_name(name)));
    let script = script.collect::<Vec<_>>().join(" && ");
    let mount = format!("{}:/snapshot:ro", snapshot.display());
    run_one_shot(docker, project, "restore", &[mount], &names, image, &script, cancel)
}

/// Packs a project's volumes into files of this folder; nothing may write to them meanwhile.
pub(super) fn pack(
    docker: &Docker,
    project: &Project,
    names: &[&str],
    folder: &Path,
    image: &str,
    cancel: &Cancel,
) -> Result<(), StackError> {
    // Sparse, since database logs consist mostly of holes.
    let script = names
        .iter()
        .map(|name| format!("tar -C /volumes/{name} --sparse -cf /snapshot/{} .", archive_name(name)));
    let script = script.collect::<Vec<_>>().join(" && ");
    let mount = format!("{}:/snapshot", folder.display());
    run_one_shot(docker, project, "pack", &[mount], names, image, &script, cancel)
}

#[expect(
    clippy::too_many_arguments,
    reason = "one private function for two tasks that differ in all arguments"
)]
fn run_one_shot(
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
    docker.run(&args, step, TAR_TIMEOUT, cancel).map(|_| ())
}
