//! Conditions and loops of journeys, against a catalogue whose pages link to each other.

use std::time::Duration;

use crate::{TestRun, open, plan, scenario, servers};

#[test]
fn loops_and_conditions_follow_the_pages() {
    let (base, seen) = servers::catalogue();
    let reader = scenario(
        r#"
name = "reader"
[[step]]
name = "first"
path = "/list/1"
extract.next = { json = "/next" }
extract.ids = { json = "/ids/*", pick = "all" }
extract.stock = { json = "/stock" }
[[step]]
name = "few"
path = "/few"
when = "stock > 5"
[[step]]
name = "next"
path = "{next}"
while = "next"
at_most = 10
extract.next = { json = "/next", required = false }
extract.ids = { json = "/ids/*", pick = "all" }
[[step]]
name = "things"
path = "/thing/{ids}"
for_each = "ids"
expect = { status = [200, 404] }
[[step]]
name = "gone"
path = "/list/9?gone"
when = "status == 404"
[[step]]
name = "again"
path = "/list/7"
repeat = { min = 2, max = 3 }
"#,
    );
    let test_run = TestRun::new();
    let mut plan = plan(open(10.0), &base, vec![(reader, 1)]);
    plan.warmup = Duration::ZERO;
    plan.duration = Duration::from_millis(450);
    let phase = test_run.run(&plan);
    assert_eq!((phase.errors, phase.journeys), (0, 5), "{:#?}", phase.exemplars);
    let times = |path: &str| seen.lock().expect("lock").iter().filter(|own| *own == path).count();
    let paths = [
        "/list/1",
        "/few",
        "/list/2",
        "/list/3",
        "/list/4",
        "/thing/5",
        "/thing/6",
        "/thing/1",
        "/list/9?gone",
    ];
    assert_eq!(paths.map(times), [5, 0, 5, 5, 0, 5, 5, 0, 5]);
    let again = times("/list/7");
    assert!((10..=15).contains(&again), "{again}");
}
