//! What the compose driver can use on this machine, for `kneepoint doctor`. It changes nothing and pulls nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;

use super::base::BaseImage;
use super::docker::{Docker, SHORT};
use super::service::ComposeService;
use crate::error::StackError;

/// Short, since the machine may be unable to reach any registry.
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(15);

/// The daemon, compose, and the images of the whole stack: a description of each, or why it cannot be used.
pub(crate) fn check_capabilities() -> [Result<String, StackError>; 3] {
    let cancel = Cancel::new();
    let docker = Docker::locate();
    let daemon = docker.as_ref().map_err(repeat_error).and_then(|docker| docker.inspect_daemon(&cancel));
    let tool = docker.as_ref().map_err(repeat_error).and_then(|docker| docker.find_compose(&cancel));
    let images = match (&docker, &daemon) {
        (Ok(docker), Ok(_)) => check_images(docker, &cancel),
        (Err(error), _) | (_, Err(error)) => Err(repeat_error(error)),
    };
    let daemon = daemon.map(|daemon| format!("Docker {} on {}", daemon.version, daemon.system));
    [daemon, tool.map(|tool| tool.describe()), images]
}

/// The same error for what depends on it.
fn repeat_error(error: &StackError) -> StackError {
    StackError::System {
        what: "using Docker",
        why: error.to_string().lines().next().unwrap_or_default().to_owned(),
    }
}

fn check_images(docker: &Docker, cancel: &Cancel) -> Result<String, StackError> {
    let all: BTreeSet<ComposeService> = ComposeService::ALL.into_iter().collect();
    let is_there = |name: &str| {
        docker
            .run(&["image", "inspect", "--format", "{{.Id}}", name], "inspecting an image", SHORT, cancel)
            .is_ok()
    };
    let missing: Vec<&str> = BaseImage::required_by(&all)
        .into_iter()
        .map(BaseImage::official)
        .filter(|name| !is_there(name))
        .collect();
    let Some(first) = missing.first() else {
        return Ok("the official images are on this machine".to_owned());
    };
    let step = "querying the image registry";
    match docker.run(&["manifest", "inspect", first], step, REGISTRY_TIMEOUT, cancel) {
        Ok(_) => Ok(format!("the registry can be reached; {} images will be pulled when needed", missing.len())),
        Err(_) if has_stand_ins(docker, cancel) => {
            Ok("no image registry can be reached; stand-ins built from Debian packages are on this machine".to_owned())
        }
        Err(_) if kneepoint_process::find("debootstrap").is_some() && rustix::process::geteuid().is_root() => {
            Ok("no image registry can be reached; stand-ins will be built from Debian packages (some minutes, once)".to_owned())
        }
        Err(error) => Err(error),
    }
}

/// Whether `images/build-base` has built stand-ins on this machine.
fn has_stand_ins(docker: &Docker, cancel: &Cancel) -> bool {
    let args = ["images", "--quiet", "--filter", "label=org.kneepoint.image=services"];
    docker.run(&args, "listing stand-in images", SHORT, cancel).is_ok_and(|ids| !ids.trim().is_empty())
}
