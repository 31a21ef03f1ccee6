//! What the compose driver finds on this machine, for `kneepoint doctor`. Nothing is made or pulled.

use std::collections::BTreeSet;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;

use super::base::Base;
use super::docker::{Docker, SHORT};
use super::service::ComposeService;
use crate::StackError;

/// Asking a registry, from a machine that may not reach any.
const REGISTRY: Duration = Duration::from_secs(15);

/// The daemon, compose, and the images that the whole stack needs: each as it was found, or why not.
pub(crate) fn look() -> [Result<String, StackError>; 3] {
    let cancel = Cancel::new();
    let docker = Docker::locate();
    let daemon = docker.as_ref().map_err(again).and_then(|docker| docker.daemon(&cancel));
    let tool = docker.as_ref().map_err(again).and_then(|docker| docker.compose(&cancel));
    let images = match (&docker, &daemon) {
        (Ok(docker), Ok(_)) => images(docker, &cancel),
        (Err(error), _) | (_, Err(error)) => Err(again(error)),
    };
    let daemon = daemon.map(|daemon| format!("Docker {} on {}", daemon.version, daemon.system));
    [daemon, tool.map(|tool| tool.words()), images]
}

/// The same complaint for what depends on it.
fn again(error: &StackError) -> StackError {
    StackError::System {
        what: "asking Docker",
        why: error.to_string().lines().next().unwrap_or_default().to_owned(),
    }
}

fn images(docker: &Docker, cancel: &Cancel) -> Result<String, StackError> {
    let all: BTreeSet<ComposeService> = ComposeService::ALL.into_iter().collect();
    let is_there = |name: &str| {
        docker
            .ask(&["image", "inspect", "--format", "{{.Id}}", name], "looking for an image", SHORT, cancel)
            .is_ok()
    };
    let missing: Vec<&str> =
        Base::needed(&all).into_iter().map(Base::official).filter(|name| !is_there(name)).collect();
    let Some(first) = missing.first() else { return Ok("the official images are here".to_owned()) };
    let step = "asking the image registry";
    match docker.ask(&["manifest", "inspect", first], step, REGISTRY, cancel) {
        Ok(_) => Ok(format!("the registry can be reached; {} images are pulled when they are needed", missing.len())),
        Err(_) if stand_ins(docker, cancel) => {
            Ok("no image registry can be reached; stand-ins of Debian packages are here".to_owned())
        }
        Err(_) if kneepoint_process::find("debootstrap").is_some() && rustix::process::geteuid().is_root() => {
            Ok("no image registry can be reached; stand-ins will be made of Debian packages (some minutes, once)".to_owned())
        }
        Err(error) => Err(error),
    }
}

/// Whether `images/build-base` has been at work here.
fn stand_ins(docker: &Docker, cancel: &Cancel) -> bool {
    let args = ["images", "--quiet", "--filter", "label=org.kneepoint.image=services"];
    docker.ask(&args, "looking for stand-in images", SHORT, cancel).is_ok_and(|ids| !ids.trim().is_empty())
}
