//! Cost of observation. The figures need a quiet machine, so these tests run only on request: `cargo test --release
//! -p kneepoint-profiler -- --ignored --nocapture cost`.
#![expect(clippy::print_stdout, reason = "figures that a person requested")]

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::NullEventSink;
use kneepoint_model::run::RunFolder;
use kneepoint_model::stack::Runtime;
use kneepoint_model::tier::Tier;
use kneepoint_profiler::source::pyspy::PySpy;
use kneepoint_profiler::source::{ProfileTarget, ProfileWindow, Source};
use kneepoint_profiler::{GaugeSlot, SamplePlan, Sampler};

use crate::workload::{Running, exclusive_run};

const COUNTING: &str = "\
import mmap, os, struct, time
with open('count', 'wb') as f:
    f.write(bytes(8))
m = mmap.mmap(os.open('count', os.O_RDWR), 8)
with open('pid.part', 'w') as f:
    f.write(str(os.getpid()))
os.rename('pid.part', 'pid')
def work(n):
    s = 0
    for i in range(n):
        s += i * i
    return s
done = 0
while True:
    work(1000)
    done += 1
    struct.pack_into('Q', m, 0, done)
";

/// Four workers under a shell: a tier of five processes.
fn five_processes() -> Running {
    let one = "sh -c 'while :; do sleep 0.01; done' &";
    Running::start(&format!("sh -c \"echo \\$\\$ > p; mv p pid; {one} {one} {one} {one} wait\" & wait"), &[])
}

#[test]
#[ignore = "a figure, not a check: needs a quiet machine"]
fn cost_of_sampling_at_4_hz() {
    let _exclusive = exclusive_run();
    let five = five_processes();
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::create(folder.path(), "r").unwrap();
    let plan = SamplePlan {
        hz: 4,
        tiers: vec![five.tier(Tier::Server, Runtime::Python)],
        nginx_status: None,
        stores: GaugeSlot::default(),
    };
    let started = Instant::now();
    let handle = Sampler::start(plan, &run, Arc::new(NullEventSink)).unwrap();
    thread::sleep(Duration::from_secs(8));
    let summary = handle.stop();
    let share = summary.own_cpu_us.as_f64() / 1e6 / started.elapsed().as_secs_f64();
    let tick = summary.own_cpu_us.as_f64() / summary.ticks as f64;
    println!("sampler at 4 Hz, 5 to 9 processes: {:.2} % of a core, {tick:.0} µs a tick", share * 100.0);
    assert!(share < 0.01, "{share}");
}

fn rate(python: &Running, spied: bool) -> f64 {
    let read = || {
        let bytes = std::fs::read(format!("/proc/{}/cwd/count", python.pid)).unwrap();
        u64::from_le_bytes(bytes.try_into().unwrap())
    };
    let window = Duration::from_secs(2);
    let (before, started) = (read(), Instant::now());
    if spied {
        let info = python.tier(Tier::Server, Runtime::Python);
        let window = ProfileWindow { duration: window, hz: 20, cancel: Cancel::new() };
        PySpy.record(&ProfileTarget::for_tier(&info, &[]), &window).unwrap();
    } else {
        thread::sleep(window);
    }
    (read() - before) as f64 / started.elapsed().as_secs_f64()
}

#[test]
#[ignore = "a figure, not a check: needs a quiet machine and Python"]
fn cost_of_py_spy_at_20_hz() {
    let _exclusive = exclusive_run();
    let python = Running::start("python3 count.py & wait", &[("count.py", COUNTING)]);
    let mut sums = [0.0_f64; 3];
    for round in 0..6 {
        let order = if round % 2 == 0 { [0, 1, 2] } else { [2, 1, 0] };
        for kind in order {
            sums[kind] += rate(&python, kind == 1);
        }
    }
    let plain = f64::midpoint(sums[0], sums[2]);
    println!(
        "py-spy at 20 Hz on one saturated worker: {:.3} of its throughput (A/A control {:.3}), opening included",
        sums[1] / plain,
        sums[2] / sums[0]
    );
    assert!(sums[1] / plain > 0.9);
}
