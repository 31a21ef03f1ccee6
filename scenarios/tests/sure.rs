//! What is sure to be there: a placeholder is accepted only where its value cannot be missing.

use std::fmt::Write as _;

use kneepoint_scenarios::{Answer, Encoding, Extract, Scenario, Visit};
use proptest::prelude::*;

const HEAD: &str = "name = \"x\"\n[[step]]\npath = \"/\"\n";

fn refused(steps: &str) -> Option<String> {
    Scenario::parse("x.toml", &format!("{HEAD}{steps}")).err().map(|error| error.to_string())
}

const OPTIONAL: &str = "extract.next = { json = \"/next\", required = false }\nextract.kind = { json = \"/kind\" }\nextract.ids = { json = \"/ids/*\", pick = \"all\" }\n";

#[test]
fn a_condition_makes_sure_of_the_value_that_it_asks_about() {
    for when in ["next", "next == '/a'", "next != '/a'", "next >= 5"] {
        assert_eq!(
            refused(&format!("{OPTIONAL}[[step]]\npath = \"/{{next}}\"\nwhen = \"{when}\"\n")),
            None,
            "{when}"
        );
    }
    for when in ["not next", "kind", "status == 200"] {
        let said = refused(&format!("{OPTIONAL}[[step]]\npath = \"/{{next}}\"\nwhen = \"{when}\"\n"));
        assert!(said.is_some_and(|said| said.contains("may be missing")), "{when}");
    }
}

#[test]
fn a_loop_makes_sure_each_time_or_not_at_all() {
    let step = |how: &str| {
        format!(
            "{OPTIONAL}[[step]]\npath = \"/{{next}}\"\n{how}\nextract.next = {{ json = \"/next\", required = false }}\n"
        )
    };
    assert_eq!(refused(&step("while = \"next\"\nat_most = 5")), None);
    assert_eq!(refused(&step("when = \"next\"")), None);
    // The second time the value may be gone.
    for how in [
        "when = \"next\"\nrepeat = 2",
        "when = \"next\"\nfor_each = \"ids\"",
        "when = \"next\"\nwhile = \"kind\"\nat_most = 2",
    ] {
        let said = refused(&step(how));
        assert!(said.is_some_and(|said| said.contains("may be missing")), "{how}");
    }
}

#[test]
fn what_a_step_may_take_away_is_not_sure_after_it() {
    let sure = "extract.a = { json = \"/a\" }\n[[step]]\npath = \"/{a}\"\n";
    assert_eq!(refused(sure), None);
    let taken =
        format!("{sure}extract.a = {{ json = \"/a\", required = false }}\n[[step]]\npath = \"/{{a}}\"\n");
    assert!(refused(&taken).is_some_and(|said| said.contains("may be missing")));
    // Steps that may not be done at all make sure of nothing.
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
        assert!(refused(&text).is_some_and(|said| said.contains("may be missing")), "{how}");
    }
    assert_eq!(
        refused("repeat = { min = 1, max = 2 }\nextract.b = { json = \"/b\" }\n[[step]]\npath = \"/{b}\"\n"),
        None
    );
    // In any order the step that takes a variable away may come first.
    let any = "name = \"x\"\npick_steps = 2\n[vars.a]\nlist = [1]\n[[step]]\npath = \"/{a}\"\n[[step]]\npath = \"/\"\nextract.a = { json = \"/a\", required = false }\n";
    assert!(Scenario::parse("x.toml", any).expect_err("shaky").to_string().contains("may be missing"));
    let everywhere = "name = \"x\"\nheaders = { x-a = \"{a}\" }\n[vars.a]\nlist = [1]\n[[step]]\npath = \"/\"\nextract.a = { json = \"/a\", required = false }\n";
    assert!(Scenario::parse("x.toml", everywhere).expect_err("shaky").to_string().contains("may be missing"));
}

#[test]
fn a_list_is_used_one_by_one() {
    let said = refused(&format!("{OPTIONAL}[[step]]\npath = \"/{{ids}}\"\n")).expect("a list");
    assert!(said.contains("not one value") && said.contains("valid: for_each = \"ids\""), "{said}");
    assert_eq!(refused(&format!("{OPTIONAL}[[step]]\npath = \"/{{ids}}\"\nfor_each = \"ids\"\n")), None);
    let said =
        refused(&format!("{OPTIONAL}[[step]]\npath = \"/{{ids}}\"\nfor_each = \"kind\"\n")).expect("no list");
    assert!(said.contains("no step before this one takes `kind`"), "{said}");
    let said = refused(&format!("{OPTIONAL}[[step]]\npath = \"/\"\nextract.ids = {{ json = \"/id\" }}\n"))
        .expect("both");
    assert!(said.contains("a list in one place"), "{said}");
    let said = refused(&format!("{OPTIONAL}[[step]]\npath = \"/\"\nwhen = \"ids > 3\"\n")).expect("a list");
    assert!(said.contains("cannot be compared"), "{said}");
}

/// An answer with some of the values.
struct Some3([bool; 3]);

impl Answer for Some3 {
    fn header(&self, name: &str) -> Option<&str> {
        let at = ["a", "b", "c"].iter().position(|own| *own == name)?;
        self.0[at].then_some("7")
    }
    fn cookie(&self, _: &str) -> Option<String> {
        None
    }
    fn body(&self) -> &'static str {
        ""
    }
}

/// A step in the making.
#[derive(Debug, Clone)]
struct Draft {
    uses: Option<usize>,
    takes: Option<(usize, bool)>,
    how: usize,
    asks: usize,
    once: bool,
}

fn draft() -> impl Strategy<Value = Draft> {
    let uses = prop::option::of(0usize..3);
    let takes = prop::option::of((0usize..3, any::<bool>()));
    (uses, takes, 0usize..9, 0usize..3, prop::bool::weighted(0.2))
        .prop_map(|(uses, takes, how, asks, once)| Draft { uses, takes, how, asks, once })
}

fn written(drafts: &[Draft], pick_steps: usize, keeps: bool, has_var: bool) -> String {
    const NAMES: [&str; 3] = ["a", "b", "c"];
    let mut text = format!("name = \"x\"\npick_steps = {pick_steps}\n");
    if keeps {
        text.push_str("session = \"user\"\n");
    }
    if has_var {
        text.push_str("[vars.a]\nlist = [1, 2]\n");
    }
    for Draft { uses, takes, how, asks, once } in drafts {
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

/// Goes on journeys as a visitor would; the words say where a value was missing.
fn travel(
    scenario: &Scenario,
    keeps: bool,
    seed: u64,
    answers: &mut impl Iterator<Item = [bool; 3]>,
) -> Result<u32, String> {
    let mut visit = Visit::new(seed, 1);
    let (mut first, mut steps_done) = (true, 0);
    for journey in 1..=4 {
        if !keeps {
            visit.values.clear();
        }
        let mut failed = false;
        'journey: for at in scenario.begin(&mut visit, journey, journey).expect("no feed") {
            let step = &scenario.steps()[at];
            let mut rounds = step.rounds(&mut visit, first);
            while rounds.next(step, &mut visit) {
                let mut path = String::new();
                if !step.path().render(&mut visit, Encoding::Path, &mut path) {
                    return Err(format!("step {at} of journey {journey}: {:?}", visit.values));
                }
                steps_done += 1;
                visit.status = Some(200);
                let answer = Some3(answers.next().expect("endless"));
                if Extract::apply(step.extracts(), &answer, &mut visit).is_err() {
                    failed = true;
                    break 'journey;
                }
            }
        }
        first &= failed;
    }
    Ok(steps_done)
}

/// Whatever a site answers: in a scenario that is accepted, no value is ever missing.
#[test]
fn a_scenario_that_is_accepted_never_misses_a_value() {
    let answers = prop::collection::vec(prop::array::uniform3(prop::bool::weighted(0.8)), 60);
    let input = (
        prop::collection::vec(draft(), 1..6),
        prop::sample::select(vec![0usize, 0, 0, 4]),
        any::<bool>(),
        any::<bool>(),
        answers,
        0u64..100,
    );
    let (accepted, done) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let config = ProptestConfig { cases: 6000, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let outcome = runner.run(&input, |(mut drafts, pick_steps, keeps, has_var, answers, seed)| {
        // Most scenarios begin with finding something.
        let found = drafts.iter().find_map(|draft| draft.uses);
        if let Some(at) = found.filter(|_| seed % 4 != 0) {
            let takes = Some((at, true));
            drafts.insert(0, Draft { uses: None, takes, how: 0, asks: 0, once: seed % 8 == 1 });
        }
        let text = written(&drafts, pick_steps, keeps, has_var);
        let Ok(scenario) = Scenario::parse("x.toml", &text) else { return Ok(()) };
        accepted.set(accepted.get() + 1);
        match travel(&scenario, keeps, seed, &mut answers.into_iter().cycle()) {
            Ok(steps) => done.set(done.get() + steps),
            Err(missing) => return Err(TestCaseError::fail(format!("{text}\n{missing}"))),
        }
        Ok(())
    });
    assert!(outcome.is_ok(), "{}", outcome.expect_err("failed"));
    // A test of refusals alone would show nothing.
    assert!(accepted.get() > 1000 && done.get() > 5000, "{} accepted, {} steps", accepted.get(), done.get());
}
