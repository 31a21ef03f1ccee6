//! Blocks: the same users return, every request that started counts, and cancellation works.

use std::time::{Duration, Instant};

use kneepoint_loadgen::{BlockLoad, PhasePlan};
use kneepoint_model::cancel::Cancel;
use kneepoint_model::load::{LoadModel, LoadPhase};
use kneepoint_model::units::PerSecond;

use crate::{scenario, servers};

const LENGTH: Duration = Duration::from_millis(300);

fn load(model: LoadModel, base: &str, text: &str) -> BlockLoad {
    let plan = PhasePlan::new("block", model, base.parse().expect("url"), vec![(scenario(text), 1)]);
    BlockLoad::new(plan).expect("plan")
}

fn named<'a>(phase: &'a LoadPhase, name: &str) -> &'a kneepoint_model::load::EndpointStats {
    phase.endpoints.iter().find(|endpoint| endpoint.name == name).expect("endpoint")
}

#[test]
fn users_keep_connections_and_cookies_from_block_to_block() {
    let base = servers::calm();
    let text = r##"
name = "member"
session = "user"
needs_throw_away = true
[[step]]
name = "GET /login/"
path = "/login/"
once = true
extract.token = { css = "#login input[name=token]", attr = "value" }
[[step]]
name = "POST /login/"
method = "POST"
path = "/login/"
once = true
form = { token = "{token}", name = "reader{user:04}" }
expect = { status = [200], contains = ["Welcome back"] }
[[step]]
name = "GET /"
path = "/"
"##;
    let mut load = load(LoadModel::Closed { users: 3 }, &base, text);
    let cancel = Cancel::new();
    let first = load.run(LENGTH, &cancel).expect("block");
    let second = load.run(LENGTH, &cancel).expect("block");
    assert_eq!((first.errors, second.errors), (0, 0), "{:#?}", first.exemplars);
    assert_eq!((named(&first, "POST /login/").requests, named(&second, "POST /login/").requests), (3, 0));
    assert_eq!((first.connect_us.count, second.connect_us.count), (3, 0));
    assert!(second.requests > 100 && !second.partial, "{}", second.requests);
    assert!(second.generator.busiest_thread.0 > 0.0);
}

#[test]
fn a_request_that_starts_in_a_block_counts_though_it_ends_after_it() {
    let rate = LoadModel::Open { rate: PerSecond(100.0) };
    let text = "name = \"slow\"\n[[step]]\nname = \"GET /slow\"\npath = \"/slow\"\n";
    let mut load = load(rate, &servers::calm(), text);
    let began = Instant::now();
    let block = load.run(Duration::from_millis(100), &Cancel::new()).expect("block");
    // The last is due after 90 ms and takes 20.
    assert_eq!((block.requests, block.errors), (10, 0), "{:?}", block.outcomes);
    assert!(began.elapsed() >= Duration::from_millis(110));
}

#[test]
fn the_open_model_runs_in_blocks_too() {
    let rate = LoadModel::Open { rate: PerSecond(50.0) };
    let mut load = load(rate, &servers::calm(), "name = \"x\"\n[[step]]\nname = \"GET /\"\npath = \"/\"\n");
    let block = load.run(Duration::from_millis(500), &Cancel::new()).expect("block");
    assert_eq!((block.requests, block.errors), (25, 0), "{:?}", block.outcomes);
}

#[test]
fn cancellation_ends_a_block_and_a_missing_target_is_an_error() {
    let mut load = load(
        LoadModel::Closed { users: 2 },
        &servers::calm(),
        "name = \"x\"\n[[step]]\nname = \"GET /\"\npath = \"/\"\n",
    );
    let cancel = Cancel::new();
    let later = cancel.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        later.cancel();
    });
    let began = Instant::now();
    let block = load.run(Duration::from_secs(20), &cancel).expect("block");
    assert!(block.partial && began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());

    let nobody = PhasePlan::new(
        "block",
        LoadModel::Closed { users: 1 },
        "http://127.0.0.1:9/".parse().expect("url"),
        vec![(scenario("name = \"x\"\n[[step]]\nname = \"GET /\"\npath = \"/\"\n"), 1)],
    );
    assert!(BlockLoad::new(nobody).expect("plan").run(LENGTH, &Cancel::new()).is_err());
}
