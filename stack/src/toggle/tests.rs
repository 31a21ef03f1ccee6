use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;

/// Every variable that the site reads: those in both its README and its settings.
fn variables() -> BTreeSet<String> {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/bookstore");
    let names = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
        words.filter(|word| word.starts_with("KP_") && word.len() > 3).map(str::to_owned).collect()
    };
    let documented = names(&fs::read_to_string(site.join("README.md")).unwrap());
    let read: BTreeSet<String> = ["settings.py", "databases.py"]
        .iter()
        .flat_map(|file| names(&fs::read_to_string(site.join("bookstore").join(file)).unwrap()))
        .collect();
    documented.intersection(&read).cloned().collect()
}

fn comparisons() -> Vec<(Toggle, Comparison)> {
    let all = Toggle::all().unwrap().into_iter();
    all.filter_map(|toggle| match toggle.test.clone() {
        Test::Pairs(comparison) => Some((toggle, *comparison)),
        Test::Special(_) => None,
    })
    .collect()
}

#[test]
fn every_embedded_file_is_valid_and_names_real_switches() {
    let known = variables();
    assert!(known.contains("KP_DEBUG") && known.len() > 20, "{known:?}");
    for (toggle, comparison) in comparisons() {
        for variant in [&comparison.without, &comparison.with] {
            for name in variant.env.keys().chain(variant.topology.env.keys()) {
                assert!(known.contains(name), "{}: {name} is not read by the site", toggle.name);
            }
        }
    }
}

#[test]
fn the_list_of_the_design_is_covered() {
    let names = Toggle::names();
    assert!(names.len() >= 25, "{}", names.len());
    let seeds: BTreeSet<SeedDocument> =
        Toggle::all().unwrap().into_iter().flat_map(|toggle| toggle.seeds).collect();
    assert!(seeds.len() >= 4, "{seeds:?}");
}

#[test]
fn an_effect_that_is_expected_could_be_seen() {
    for (toggle, comparison) in comparisons() {
        let (Some(effect), Expected::Helps | Expected::Hurts) = (toggle.expected_effect, toggle.expected)
        else {
            continue;
        };
        let (better, signal) = (comparison.signal.better(), comparison.signal);
        let up = match signal.scale() {
            kneepoint_model::experiment::Scale::Ratio => effect > 1.0,
            kneepoint_model::experiment::Scale::Difference => effect > 0.0,
        };
        let helps = up == (better == kneepoint_model::metric::Direction::Higher);
        assert_eq!(helps, toggle.expected == Expected::Helps, "{}: the sign of {effect}", toggle.name);
    }
}

const WHOLE: &str = r#"
group = "caching"
advice = "Cache pages."
seeds = ["004"]
needs = ["nginx"]
[show]
routes = ["/catalogue/"]
[both.proxy]
cache = false
[without]
what = "no cache"
[with]
what = "a cache"
env = { KP_CACHE_PAGE = "60" }
[decides]
signal = "cpu_per_request"
min_effect = 0.03
"#;

fn refusal(from: &str, to: &str) -> String {
    assert!(WHOLE.contains(from), "{from}");
    Toggle::parse("x", &WHOLE.replace(from, to)).unwrap_err().to_string()
}

#[test]
fn a_whole_file_is_two_variants_of_one_topology() {
    let toggle = Toggle::parse("x", WHOLE).unwrap();
    let Test::Pairs(comparison) = toggle.test else { panic!("pairs") };
    assert_eq!(comparison.without.topology, comparison.with.topology);
    assert!(!comparison.with.topology.proxy.as_ref().unwrap().cache);
    assert!(!comparison.without.same_stack(&comparison.with));
    assert_eq!(comparison.load, OfferedLoad::Users(4));
}

#[test]
fn invalid_files_are_refused_with_their_line_or_a_valid_example() {
    assert!(refusal("routes =", "route =").contains("line 7"));
    assert!(refusal("\"cpu_per_request\"", "\"cpu\"").contains("unknown variant"));
    assert!(refusal("seeds = [\"004\"]", "seeds = [\"009\"]").contains("unknown variant"));
    assert!(refusal("seeds = [\"004\"]", "seeds = []").contains("seeds = [\"004\"]"));
    assert!(refusal("env = { KP_CACHE_PAGE = \"60\" }", "").contains("are the same"));
    assert!(refusal("KP_CACHE_PAGE", "PATH").contains("KP_"));
    assert!(refusal("needs = [\"nginx\"]", "").contains("needs nginx"));
    assert!(refusal("min_effect = 0.03", "min_effect = -1.0").contains("min_effect = 0.03"));
    assert!(refusal("[\"/catalogue/\"]", "[\"catalogue\"]").contains("/catalogue/"));
    assert!(refusal("what = \"a cache\"", "").contains("what ="));
    assert!(refusal("routes = [\"/catalogue/\"]", "routes = [\"/\"]\nusers = 0").contains("users = 4"));
}
