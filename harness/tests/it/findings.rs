//! Faults injected into the reference stack are found; the healthy stack has no such finding.

use super::support::{SHORT, Sandbox, lock_machine};

fn findings_with(name: &str, fault: &str) -> Vec<(String, String)> {
    let sandbox = Sandbox::new(name);
    sandbox.config(&format!("{SHORT}[stack.env]\nKP_FAULTS = \"{fault}\"\n"));
    let ended = sandbox.run(&["load"]);
    ended.assert_success(&sandbox.latest());
    sandbox.assert_nothing_runs();
    sandbox.latest().findings()
}

#[test]
fn an_n_plus_one_is_proven_by_its_slope_and_the_healthy_stack_has_none() {
    let _machine = lock_machine();
    let healthy = findings_with("healthy", "");
    assert!(
        !healthy.iter().any(|(rule, _)| rule == "n-plus-one" || rule == "slow-engine" || rule == "errors"),
        "{healthy:?}"
    );
    let faulty = findings_with("n_plus_one", "n_plus_one");
    assert!(faulty.contains(&("n-plus-one".to_owned(), "proven".to_owned())), "{faulty:?}");
}

#[test]
fn a_slow_engine_is_named() {
    let _machine = lock_machine();
    let faulty = findings_with("slow_engine", "slow_engine");
    assert!(faulty.iter().any(|(rule, _)| rule == "slow-engine"), "{faulty:?}");
}
