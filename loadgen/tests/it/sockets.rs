//! A site that listens on a unix socket.

use std::time::Duration;

use kneepoint_model::outcome::Outcome;
use kneepoint_model::via::Via;

use crate::{TestRun, closed, get, open, plan, scenario, servers};

const LOGIN: &str = "name = \"login\"\nneeds_throw_away = true\n[[step]]\npath = \"/login/\"\nextract.token = { css = \"input\", attr = \"value\" }\n[[step]]\nmethod = \"POST\"\npath = \"/login/\"\nform = { token = \"{token}\", name = \"reader0\", password = \"x\" }\nexpect = { contains = [\"Welcome back\"] }\n";

#[test]
fn both_models_use_the_socket_only() {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("app.sock");
    servers::on_socket(&path);
    for model in [open(60.0), closed(3)] {
        // A name that no resolver knows: resolving it would fail.
        let scenarios = vec![(scenario(LOGIN), 1), (get("/item/3"), 1)];
        let mut plan = plan(model, "http://shop.invalid", scenarios);
        plan.via = Via { unix_socket: Some(path.clone()), ..Via::default() };
        plan.warmup = Duration::ZERO;
        let phase = TestRun::new().run(&plan);
        assert!(phase.requests > 50 && phase.errors == 0, "{} {:?}", phase.requests, phase.exemplars);
        assert!(phase.connect_us.count > 0, "{:?}", phase.connect_us);
    }
}

#[test]
fn a_socket_without_server_is_refused_at_once() {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("app.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("bind");
    let mut plan = plan(open(20.0), "http://shop.invalid", vec![(get("/"), 1)]);
    plan.via = Via { unix_socket: Some(path), ..Via::default() };
    let leaves = std::thread::spawn(move || {
        // The probe before the phase is accepted; then the server is gone.
        let _ = listener.accept();
        drop(listener);
    });
    let phase = TestRun::new().run(&plan);
    leaves.join().expect("left");
    assert_eq!(phase.outcomes.get(&Outcome::Refused), Some(&phase.requests), "{:?}", phase.outcomes);
}
