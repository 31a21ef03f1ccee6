//! Groups of steps: one time per journey, pauses included, in the result, in the files, and after a kill.

use std::time::Duration;

use kneepoint_loadgen::recover_phase;
use kneepoint_model::units::Micros;

use crate::{TestRun, closed, open, plan, scenario, servers};

const GROUPED: &str = r#"
name = "grouped"
[[step]]
path = "/"
[[step]]
path = "/slow"
group = "check out"
[[step]]
name = "pay"
path = "/slow"
think = { ms = 30 }
group = "check out"
[[step]]
path = "/missing"
group = "thanks"
chance = 0.5
[[step]]
path = "/"
"#;

#[test]
fn a_group_is_timed_from_its_first_step_to_its_last() {
    for model in [open(40.0), closed(3)] {
        let test_run = TestRun::new();
        let mut plan = plan(model, &servers::calm(), vec![(scenario(GROUPED), 1)]);
        plan.duration = Duration::from_millis(1500);
        let phase = test_run.run(&plan);
        let names: Vec<&str> = phase.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["check out", "thanks"]);
        let [out, thanks] = phase.groups.as_slice() else { panic!("two groups") };
        assert!(out.journeys >= 25 && out.failed == 0, "{out:?}");
        assert_eq!((out.time_us.count, thanks.time_us.count), (out.journeys, thanks.journeys));
        // Twice the 20 ms of the page, and the pause.
        assert!(out.time_us.p50 >= Micros(70_000) && out.time_us.p50 < Micros(300_000), "{:?}", out.time_us);
        // The page after the order is missing, so half of the journeys fail there.
        assert_eq!(thanks.journeys, thanks.failed);
        let rest = phase.endpoints.iter().find(|own| own.name == "GET /missing").expect("endpoint").requests;
        assert!(thanks.journeys.abs_diff(rest) <= 1 && thanks.journeys > 5, "{thanks:?} {rest}");

        let recovered = recover_phase(&test_run.run, "test").expect("readable").expect("began");
        assert_eq!(recovered.groups, phase.groups);
    }
}

#[test]
fn a_group_that_the_end_of_the_phase_cuts_short_is_counted_separately() {
    let text = "name = \"g\"\n[[step]]\npath = \"/\"\ngroup = \"g\"\n[[step]]\nname = \"late\"\npath = \"/\"\nthink = { ms = 5000 }\ngroup = \"g\"\n";
    for model in [open(20.0), closed(2)] {
        let mut plan = plan(model, &servers::calm(), vec![(scenario(text), 1)]);
        plan.warmup = Duration::ZERO;
        plan.duration = Duration::from_millis(500);
        let phase = TestRun::new().run(&plan);
        assert_eq!((phase.groups[0].journeys, phase.groups[0].time_us.count), (0, 0));
        assert!(phase.groups[0].unfinished >= 2, "{:?}", phase.groups);
    }
}
