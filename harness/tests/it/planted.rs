//! Faults planted in the reference stack are found, and the healthy stack is not accused of them.

use super::support::{Place, SHORT, turn};

fn findings_with(name: &str, fault: &str) -> Vec<(String, String)> {
    let place = Place::new(name);
    place.config(&format!("{SHORT}[stack.env]\nKP_FAULTS = \"{fault}\"\n"));
    let ended = place.run(&["load"]);
    ended.went_well(&place.latest());
    place.assert_nothing_runs();
    place.latest().findings()
}

#[test]
fn an_n_plus_one_is_proven_by_its_slope_and_the_healthy_stack_has_none() {
    let _turn = turn();
    let healthy = findings_with("healthy", "");
    assert!(
        !healthy.iter().any(|(rule, _)| rule == "n-plus-one" || rule == "slow-engine" || rule == "errors"),
        "{healthy:?}"
    );
    let planted = findings_with("n_plus_one", "n_plus_one");
    assert!(planted.contains(&("n-plus-one".to_owned(), "proven".to_owned())), "{planted:?}");
}

#[test]
fn a_slow_engine_is_named() {
    let _turn = turn();
    let planted = findings_with("slow_engine", "slow_engine");
    assert!(planted.iter().any(|(rule, _)| rule == "slow-engine"), "{planted:?}");
}
