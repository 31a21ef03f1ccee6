//! What fails is reported with its exit code and log, and leaves nothing.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::tier::Tier;
use kneepoint_process::{ProcessError, Program};
use kneepoint_stack::StackError;

use super::support::*;

#[test]
fn a_container_that_is_killed_is_named_and_its_log_is_kept() {
    if skip_without_docker() {
        return;
    }
    let _turn = turn();
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let prepared = prepared(&root, &["runserver"]);
    let stack = brought_up(&small(18_440), &prepared);
    let info = stack.info().clone();
    assert_eq!(page(&info, "/catalogue/").0, 200);
    assert!(info.tier(Tier::Db).is_none() && info.tier(Tier::Server).unwrap().what.contains("runserver"));
    docker(&["kill", &info.tier(Tier::Engine).unwrap().containers[0]]);
    let error = stack.check(&Cancel::new()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StackError::Unhealthy(_)) && error.exit_code().code() == 5, "{text}");
    assert!(text.starts_with("engine is not healthy") && text.contains("signal 9 ended it"), "{text}");
    let project = project(&info);
    assert!(stack.down(GRACE).left.is_empty());
    assert!(root.join("compose/logs/engine.log").exists() && root.join("compose/logs/server.log").exists());
    assert_eq!(docker_names(&project), [""; 0]);
}

/// The output of a copy of this binary that prepares and brings up in an environment in which it must fail.
fn doomed(root: &Path, topology: &str, variables: &[(&str, &str)]) -> String {
    let program = copy("doomed_entry", root).env("KNEEPOINT_TEST_TOPOLOGY", topology);
    let program = variables.iter().fold(program, |program, (name, value)| program.env(name, value));
    match program.run(Duration::from_mins(5)) {
        Err(ProcessError::Failed(failure)) => failure.output_tail,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_missing_tool_has_its_own_exit_code() {
    if skip_without_docker() {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let output = doomed(&root, "runserver", &[("PATH", "/no/such/folder")]);
    assert!(output.contains("EXIT 7 docker is not installed; `apt install docker.io"), "{output}");
    let output = doomed(&root, "runserver", &[("DOCKER_HOST", "unix:///no/such/docker.sock")]);
    assert!(
        output.contains("EXIT 7 the Docker daemon does not respond")
            && output.contains("systemctl start docker"),
        "{output}"
    );
    let output = doomed(&root, "runserver", &[("DOCKER_HOST", "tcp://192.0.2.1:2375")]);
    assert!(output.contains("EXIT 7 the Docker daemon at tcp://192.0.2.1:2375"), "{output}");
    // A folder with `docker` alone, and no plugins.
    let alone = temp.path().join("bin");
    std::fs::create_dir(&alone).unwrap();
    symlink(kneepoint_process::find("docker").unwrap(), alone.join("docker")).unwrap();
    let (alone, config) = (alone.to_string_lossy(), temp.path().to_string_lossy());
    if !has_plugin(&alone, &config) {
        let output = doomed(&root, "runserver", &[("PATH", &*alone), ("DOCKER_CONFIG", &*config)]);
        assert!(output.contains("EXIT 7 docker compose is not installed"), "{output}");
    }
}

/// Whether compose is a plugin of the whole system, which no variable hides.
fn has_plugin(path: &str, config: &str) -> bool {
    let ask =
        Program::new("docker").args(["compose", "version"]).env("PATH", path).env("DOCKER_CONFIG", config);
    ask.run(Duration::from_secs(20)).is_ok()
}

#[test]
fn a_database_that_does_not_come_up_is_reported_with_its_log() {
    if skip_without_docker() {
        return;
    }
    let _turn = turn();
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    let output = doomed(&root, "gunicorn", &[("KP_MYSQL_IMAGE", "kneepoint/no-such-image:at-all")]);
    assert!(output.contains("EXIT 5 the image kneepoint/no-such-image:at-all is not available"), "{output}");
    assert!(output.contains("KP_MYSQL_IMAGE"), "{output}");
    // An existing image without a database in it.
    let prepared = prepared(&root, &["runserver"]);
    let stack = brought_up(&small(18_490), &prepared);
    let container = stack.info().tier(Tier::Server).unwrap().containers[0].clone();
    let image = docker(&["inspect", "--format", "{{.Config.Image}}", &container]);
    stack.down(GRACE);
    let output = doomed(&root, "gunicorn", &[("KP_MYSQL_IMAGE", image.trim())]);
    assert!(output.contains("EXIT 5") && output.contains("mysqld"), "{output}");
    assert_nothing_is_left(&root);
}

#[test]
fn an_image_that_cannot_be_built_is_reported_with_the_output_of_the_tool() {
    if skip_without_docker() {
        return;
    }
    let _turn = turn();
    let temp = tempfile::tempdir().unwrap();
    let root = root(temp.path());
    // Nothing listens there. Another index is another image, so that no earlier image is reused.
    let index = "http://user:secret@127.0.0.1:9/simple";
    let output = doomed(&root, "runserver", &[("PIP_INDEX_URL", index)]);
    assert!(output.contains("EXIT 5") && output.contains("building the image of the site"), "{output}");
    assert!(output.contains("Connection refused") || output.contains("No matching distribution"), "{output}");
    assert!(output.contains("127.0.0.1") && !output.contains("secret"), "{output}");
    assert_nothing_is_left(&root);
}
