//! Guaranteed values: a placeholder is accepted only where its value cannot be missing.

use std::fmt::Write as _;

use kneepoint_scenarios::{Encoding, Extract, ExtractInput, Scenario, UserContext};
use proptest::prelude::*;

const HEAD: &str = "name = \"x\"\n[[step]]\npath = \"/\"\n";

fn parse_error(steps: &str) -> Option<String> {
    Scenario::parse("x.toml", &format!("{HEAD}{steps}")).err().map(|error| error.to_string())
}

const OPTIONAL: &str = "extract.next = { json = \"/next\", required = false }\nextract.kind = { json = \"/kind\" }\nextract.ids = { json = \"/ids/*\", pick = \"all\" }\n";

#[test]
fn a_condition_guarantees_the_value_that_it_tests() {
    for when in ["next", "next == '/a'", "next != '/a'", "next >= 5"] {
        assert_eq!(
            parse_error(&format!("{OPTIONAL}[[step]]\npath = \"/{{next}}\"\nwhen = \"{when}\"\n")),
            None,
            "{when}"
        );
    }
    for when in ["not next", "kind", "status == 200"] {
        let message = parse_error(&format!("{OPTIONAL}[[step]]\npath = \"/{{next}}\"\nwhen = \"{when}\"\n"));
        assert!(message.is_some_and(|message| message.contains("may be missing")), "{when}");
    }
}

#[test]
fn a_loop_guarantees_a_value_only_when_it_tests_it_each_time() {
    let step = |how: &str| {
        format!(
            "{OPTIONAL}[[step]]\npath = \"/{{next}}\"\n{how}\nextract.next = {{ json = \"/next\", required = false }}\n"
        )
    };
    assert_eq!(parse_error(&step("while = \"next\"\nat_most = 5")), None);
    assert_eq!(parse_error(&step("when = \"next\"")), None);
    // In the second repetition the value may be missing.
    for how in [
        "when = \"next\"\nrepeat = 2",
        "when = \"next\"\nfor_each = \"ids\"",
        "when = \"next\"\nwhile = \"kind\"\nat_most = 2",
    ] {
        let message = parse_error(&step(how));
        assert!(message.is_some_and(|message| message.contains("may be missing")), "{how}");
    }
}

#[test]
fn a_value_that_a_step_may_remove_is_not_guaranteed_after_it() {
    let required = "extract.a = { json = \"/a\" }\n[[step]]\npath = \"/{a}\"\n";
    assert_eq!(parse_error(required), None);
    let removed =
        format!("{required}extract.a = {{ json = \"/a\", required = false }}\n[[step]]\npath = \"/{{a}}\"\n");
    assert!(parse_error(&removed).is_some_and(|message| message.contains("may be missing")));
    // Steps that may be skipped guarantee nothing.
    for how in [
        "repeat = { min = 0, max = 2 }",
        "when = \"a\"",
        "chance = 0.5",
        "while = \"a\"\nat_most = 2",
        "for_each = \"ids\"",
    ] {
        let text = format!(
            "extract.a = {{ json = \"/a\" }}\nextract.ids = {{ json = \"/ids/*\", pick = \"all\" }}\n[[step]]\npath = \"/\"\n{how}\nextract.b = {{ json = \"/b\" }}\n[[step]]\npath = \"/{{b}}\"\n"
        );
        assert!(parse_error(&text).is_some_and(|message| message.contains("may be missing")), "{how}");
    }
    assert_eq!(
        parse_error(
            "repeat = { min = 1, max = 2 }\nextract.b = { json = \"/b\" }\n[[step]]\npath = \"/{b}\"\n"
        ),
        None
    );
    // In random order, the step that removes a variable may run first.
    let random_order = "name = \"x\"\npick_steps = 2\n[vars.a]\nlist = [1]\n[[step]]\npath = \"/{a}\"\n[[step]]\npath = \"/\"\nextract.a = { json = \"/a\", required = false }\n";
    assert!(
        Scenario::parse("x.toml", random_order)
            .expect_err("removable")
            .to_string()
            .contains("may be missing")
    );
    let everywhere = "name = \"x\"\nheaders = { x-a = \"{a}\" }\n[vars.a]\nlist = [1]\n[[step]]\npath = \"/\"\nextract.a = { json = \"/a\", required = false }\n";
    assert!(
        Scenario::parse("x.toml", everywhere).expect_err("removable").to_string().contains("may be missing")
    );
}

#[test]
fn a_list_is_used_element_by_element() {
    let message = parse_error(&format!("{OPTIONAL}[[step]]\npath = \"/{{ids}}\"\n")).expect("a list");
    assert!(message.contains("not one value") && message.contains("valid: for_each = \"ids\""), "{message}");
    assert_eq!(parse_error(&format!("{OPTIONAL}[[step]]\npath = \"/{{ids}}\"\nfor_each = \"ids\"\n")), None);
    let message = parse_error(&format!("{OPTIONAL}[[step]]\npath = \"/{{ids}}\"\nfor_each = \"kind\"\n"))
        .expect("no list");
    assert!(message.contains("no step before this one extracts `kind`"), "{message}");
    let message =
        parse_error(&format!("{OPTIONAL}[[step]]\npath = \"/\"\nextract.ids = {{ json = \"/id\" }}\n"))
            .expect("both");
    assert!(message.contains("as a list in one place"), "{message}");
    let message =
        parse_error(&format!("{OPTIONAL}[[step]]\npath = \"/\"\nwhen = \"ids > 3\"\n")).expect("a list");
    assert!(message.contains("cannot be compared"), "{message}");
}

/// A response with some of the headers a, b and c.
struct TestResponse([bool; 3]);

impl ExtractInput for TestResponse {
    fn header(&self, name: &str) -> Option<&str> {
        let at = ["a", "b", "c"].iter().position(|header| *header == name)?;
        self.0[at].then_some("7")
    }
    fn cookie(&self, _: &str) -> Option<String> {
        None
    }
    fn body(&self) -> &'static str {
        ""
    }
}

/// A randomly generated step.
#[derive(Debug, Clone)]
struct DraftStep {
    uses: Option<usize>,
    takes: Option<(usize, bool)>,
    how: usize,
    asks: usize,
    once: bool,
}

fn draft_step() -> impl Strategy<Value = DraftStep> {
    let uses = prop::option::of(0usize..3);
    let takes = prop::option::of((0usize..3, any::<bool>()));
    (uses, takes, 0usize..9, 0usize..3, prop::bool::weighted(0.2))
        .prop_map(|(uses, takes, how, asks, once)| DraftStep { uses, takes, how, asks, once })
}

fn render_scenario(drafts: &[DraftStep], pick_steps: usize, keeps: bool, has_var: bool) -> String {
    const NAMES: [&str; 3] = ["a", "b", "c"];
    let mut text = format!("name = \"x\"\npick_steps = {pick_steps}\n");
    if keeps {
        text.push_str("session = \"user\"\n");
    }
    if has_var {
        text.push_str("[vars.a]\nlist = [1, 2]\n");
    }
    for DraftStep { uses, takes, how, asks, once } in drafts {
        let used = uses.map_or(String::new(), |at| format!("{{{}}}", NAMES[at]));
        let _ = writeln!(text, "[[step]]\npath = \"/{used}\"\nonce = {once}");
        let name = NAMES[*asks];
        let how = match how {
            1 => format!("when = \"{name}\""),
            2 => format!("when = \"not {name}\""),
            3 => format!("when = \"{name} != 'x'\"\nrepeat = 2"),
            4 => "repeat = { min = 0, max = 3 }".to_owned(),
            5 => "repeat = { min = 1, max = 3 }".to_owned(),
            6 => format!("while = \"{name}\"\nat_most = 3"),
            7 => "chance = 0.5".to_owned(),
            8 => format!("when = \"{name}\"\nwhile = \"status == 200\"\nat_most = 2"),
            _ => String::new(),
        };
        let _ = writeln!(text, "{how}");
        if let Some((at, required)) = takes {
            let _ = writeln!(text, "extract.{0} = {{ header = \"{0}\", required = {required} }}", NAMES[*at]);
        }
    }
    text
}

/// Runs four journeys of one user; the error tells where a value was missing.
fn run_journeys(
    scenario: &Scenario,
    keeps: bool,
    seed: u64,
    responses: &mut impl Iterator<Item = [bool; 3]>,
) -> Result<u32, String> {
    let mut context = UserContext::new(seed, 1);
    let (mut first, mut steps_done) = (true, 0);
    for journey in 1..=4 {
        if !keeps {
            context.values.clear();
        }
        let mut failed = false;
        'journey: for at in scenario.begin_journey(&mut context, journey, journey).expect("no feed") {
            let step = &scenario.steps()[at];
            let mut repetitions = step.plan_repetitions(&mut context, first);
            while repetitions.advance(step, &mut context) {
                let mut path = String::new();
                if !step.path().render(&mut context, Encoding::Path, &mut path) {
                    return Err(format!("step {at} of journey {journey}: {:?}", context.values));
                }
                steps_done += 1;
                context.status = Some(200);
                let response = TestResponse(responses.next().expect("endless"));
                if Extract::apply(step.extracts(), &response, &mut context).is_err() {
                    failed = true;
                    break 'journey;
                }
            }
        }
        first &= failed;
    }
    Ok(steps_done)
}

/// No value is missing in an accepted scenario, whatever the site returns.
#[test]
fn a_scenario_that_is_accepted_never_misses_a_value() {
    let responses = prop::collection::vec(prop::array::uniform3(prop::bool::weighted(0.8)), 60);
    let input = (
        prop::collection::vec(draft_step(), 1..6),
        prop::sample::select(vec![0usize, 0, 0, 4]),
        any::<bool>(),
        any::<bool>(),
        responses,
        0u64..100,
    );
    let (accepted, done) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let config = ProptestConfig { cases: 6000, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let outcome = runner.run(&input, |(mut drafts, pick_steps, keeps, has_var, responses, seed)| {
        // Most scenarios should begin with a step that extracts a value.
        let found = drafts.iter().find_map(|draft| draft.uses);
        if let Some(at) = found.filter(|_| seed % 4 != 0) {
            let takes = Some((at, true));
            drafts.insert(0, DraftStep { uses: None, takes, how: 0, asks: 0, once: seed % 8 == 1 });
        }
        let text = render_scenario(&drafts, pick_steps, keeps, has_var);
        let Ok(scenario) = Scenario::parse("x.toml", &text) else { return Ok(()) };
        accepted.set(accepted.get() + 1);
        match run_journeys(&scenario, keeps, seed, &mut responses.into_iter().cycle()) {
            Ok(steps) => done.set(done.get() + steps),
            Err(missing) => return Err(TestCaseError::fail(format!("{text}\n{missing}"))),
        }
        Ok(())
    });
    assert!(outcome.is_ok(), "{}", outcome.expect_err("failed"));
    // Rejected scenarios alone would prove nothing.
    assert!(accepted.get() > 1000 && done.get() > 5000, "{} accepted, {} steps", accepted.get(), done.get());
}
