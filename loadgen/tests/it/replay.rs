//! Replays the requests of an access log, each at its own moment.

use std::sync::Arc;
use std::time::Duration;

use kneepoint_loadgen::{PhaseLoad, RecordedLog};
use kneepoint_model::units::PerSecond;
use kneepoint_scenarios::Replay;

use crate::{TestRun, plan, servers};

fn replay(log: Arc<Replay>, speed: f64) -> PhaseLoad {
    PhaseLoad::Replay(RecordedLog::new(log, speed))
}

/// A hundred requests in five seconds: a page each 50 ms.
fn log() -> Arc<Replay> {
    let line = |n: u64| {
        let path = if n.is_multiple_of(4) { "/".to_owned() } else { format!("/item/{n}") };
        format!(
            "{{\"msec\":{:.3},\"method\":\"GET\",\"uri\":\"{path}\",\"status\":200}}\n",
            1_795_824_000.0 + n as f64 * 0.05
        )
    };
    let text: String = (0..100).map(line).collect();
    Arc::new(Replay::from_access_log(text.as_bytes(), "test.jsonl").expect("a log"))
}

#[test]
fn a_log_is_replayed_five_times_as_fast() {
    let mut plan = plan(replay(log(), 5.0), &servers::calm(), Vec::new());
    plan.set_lengths(Duration::from_millis(100), Duration::ZERO);
    assert_eq!((plan.warmup, plan.duration), (Duration::from_millis(100), Duration::from_millis(900)));
    let phase = TestRun::new().run(&plan);
    // 100 requests in one second, the first ten of them in the warm-up.
    assert_eq!((phase.requests, phase.errors), (90, 0), "{:?}", phase.exemplars);
    assert_eq!(phase.load, kneepoint_model::load::LoadModel::Open { rate: PerSecond(100.0) });
    let by_name =
        |name: &str| phase.endpoints.iter().find(|endpoint| endpoint.name == name).expect(name).requests;
    assert_eq!((by_name("GET /"), by_name("GET /item/<id>")), (22, 68));
    assert!(phase.sched_lag_us.count == 90 && phase.offered_rps.is_some());
}

#[test]
fn the_warm_up_is_at_most_a_fifth_of_a_log() {
    let mut plan = plan(replay(log(), 1.0), "http://127.0.0.1:9", Vec::new());
    plan.set_lengths(Duration::from_secs(30), Duration::ZERO);
    assert_eq!((plan.warmup, plan.duration), (Duration::from_secs(1), Duration::from_secs(4)));
}

#[test]
fn each_client_of_a_log_keeps_its_cookies() {
    // One client gets a cookie first, and is known from then on; the other never does, and is refused each time.
    let line = |n: u64| {
        let (path, agent) = match n {
            0 => ("/hello", "one"),
            n if n.is_multiple_of(2) => ("/me/", "one"),
            _ => ("/me/", "other"),
        };
        format!(
            "{{\"msec\":{:.3},\"method\":\"GET\",\"uri\":\"{path}\",\"status\":200,\"remote_addr\":\"::1\",\"http_user_agent\":\"{agent}\"}}\n",
            1_795_824_000.0 + n as f64 * 0.05
        )
    };
    let text: String = (0..20).map(line).collect();
    let log = Arc::new(Replay::from_access_log(text.as_bytes(), "test.jsonl").expect("a log"));
    let mut plan = plan(replay(log, 1.0), &servers::calm(), Vec::new());
    plan.options.threads = 2;
    plan.duration += plan.warmup;
    plan.warmup = Duration::ZERO;
    let phase = TestRun::new().run(&plan);
    assert_eq!((phase.requests, phase.errors), (20, 10), "{:?}", phase.exemplars);
    let forbidden: u64 = phase.endpoints.iter().filter_map(|endpoint| endpoint.statuses.get(&403)).sum();
    assert_eq!(forbidden, 10);
}
