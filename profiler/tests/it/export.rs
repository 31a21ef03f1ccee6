//! File formats of a profile against stored files (`INSTA_UPDATE=always` rewrites them), and with untrusted names.

use std::collections::BTreeMap;

use kneepoint_model::profile::{FoldedProfile, ProfileFacts, ProfileSource, ProfileUnit, ProfileView};
use kneepoint_model::tier::Tier;
use kneepoint_profiler::export::{folded, frame, merge, pprof, speedscope, svg, top_self, total_weight};
use proptest::prelude::*;
use quick_xml::events::Event;

fn profile(tier: Tier, source: ProfileSource, stacks: &[(&str, u64)]) -> FoldedProfile {
    let stacks: BTreeMap<String, u64> =
        stacks.iter().map(|(stack, weight)| ((*stack).to_owned(), *weight)).collect();
    let samples = stacks.values().sum();
    let facts = ProfileFacts {
        hz: 20,
        duration_ms: 10_000,
        processes: 2,
        samples,
        expected_samples: Some(samples + 1),
        true_cpu_ns: 2_000_000_000,
        ..ProfileFacts::default()
    };
    FoldedProfile { tier, source, view: ProfileView::Running, unit: ProfileUnit::Samples, stacks, facts }
}

fn bookstore() -> FoldedProfile {
    let stacks = [
        ("main (wsgi.py:3);view (books/views.py:42);render (base.py:9)", 30),
        ("main (wsgi.py:3);view (books/views.py:42);execute (sqlite3/base.py:17)", 9),
        ("main (wsgi.py:3);view (books/views.py:44);execute (sqlite3/base.py:18)", 1),
    ];
    profile(Tier::Server, ProfileSource::PySpy, &stacks)
}

fn engine() -> FoldedProfile {
    profile(
        Tier::Engine,
        ProfileSource::Perf,
        &[("engine;main;score", 5), ("engine;main;render (base.py:9)", 15)],
    )
}

/// Checks that the SVG is well-formed and returns its texts and attributes.
fn texts_of(svg: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(svg);
    let mut texts = Vec::new();
    loop {
        match reader.read_event().expect("well-formed XML") {
            Event::Eof => return texts,
            Event::Text(text) => texts.push(format!("{text:?}")),
            Event::Start(tag) | Event::Empty(tag) => {
                texts.push(format!("<{}>", tag.name().as_ref()));
                for attribute in tag.attributes() {
                    let attribute = attribute.expect("well-formed attribute");
                    texts.push(format!("@{}", attribute.key.as_ref()));
                }
            }
            _ => {}
        }
    }
}

#[test]
fn folded_and_speedscope_are_as_stored() {
    insta::assert_snapshot!("folded", folded::render(&bookstore()));
    insta::assert_snapshot!("speedscope", speedscope::render("bookstore", &[&bookstore(), &engine()]));
}

#[test]
fn the_picture_is_the_same_each_time_and_as_stored() {
    let picture = svg::render(&bookstore()).unwrap();
    assert_eq!(picture, svg::render(&bookstore()).unwrap());
    // Search and zoom are there; the script itself is inferno's and not ours to store.
    for part in
        ["id=\"search\"", "id=\"unzoom\"", "function zoom", "40 samples of 41 expected, 10.0 s at 20 Hz"]
    {
        assert!(picture.contains(part), "{part}");
    }
    let frames = picture.split("<svg id=\"frames\"").nth(1).expect("the frames are there");
    insta::assert_snapshot!("frames", frames.replace("<g>", "\n<g>"));
}

#[test]
fn pprof_round_trips() {
    let packed = pprof::render(&bookstore()).unwrap();
    assert_eq!(packed, pprof::render(&bookstore()).unwrap());
    let back = pprof::parse(&packed).unwrap();
    assert_eq!((back.stacks, back.unit, back.samples), (bookstore().stacks, ProfileUnit::Samples, 40));
    assert_eq!(back.period_ns, 50_000_000);
    for bad in [&b"\x1f\x8bnonsense"[..], b"nonsense", b""] {
        assert!(pprof::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn tiers_side_by_side_are_as_wide_as_their_cpu() {
    let mut idle = profile(Tier::Proxy, ProfileSource::Perf, &[]);
    idle.facts.true_cpu_ns = 0;
    let mut small = engine();
    small.facts.true_cpu_ns = 500_000_000;
    let merged = merge(&[bookstore(), small, idle]);
    let of =
        |tier: &str| merged.stacks.iter().filter(|(s, _)| s.starts_with(tier)).map(|(_, w)| *w).sum::<u64>();
    assert_eq!((of("server;"), of("engine;"), of("proxy;")), (2_000_000_000, 500_000_000, 0));
    assert_eq!((merged.unit, merged.tier), (ProfileUnit::CpuNanos, Tier::Host));
    // A name in two tiers carries its tier, so that each can have its colour.
    assert!(
        merged.stacks.contains_key("engine;engine;main;render (base.py:9) [engine]"),
        "{:?}",
        merged.stacks.keys()
    );
    assert!(merged.facts.notes.iter().any(|note| note.contains("proxy tier is missing from this graph")));
    let picture = svg::render(&merged).unwrap();
    texts_of(&picture);
    assert!(
        picture.contains("2500 ms of CPU") || picture.contains("2,500 ms of CPU"),
        "the root shows milliseconds"
    );
}

#[test]
fn nothing_is_idle_not_an_error() {
    let idle = profile(Tier::Db, ProfileSource::Perf, &[]);
    assert!(svg::render(&idle).unwrap().contains("idle"));
    texts_of(&svg::render(&idle).unwrap());
    assert_eq!(folded::render(&idle), "");
    assert_eq!(pprof::parse(&pprof::render(&idle).unwrap()).unwrap().stacks.len(), 0);
    assert!(top_self(&idle, 10).is_empty());
}

#[test]
fn top_self_is_by_function_not_by_line() {
    let top = top_self(&bookstore(), 10);
    let shown: Vec<String> = top.iter().map(|(name, share)| format!("{name} {share}")).collect();
    assert_eq!(shown, ["render (base.py) 75.0 %", "execute (sqlite3/base.py) 25.0 %"]);
}

const HOSTILE: [&str; 8] = [
    "</script><script>alert(1)</script>",
    "</title></g></svg><img src=x onerror=alert(1)>",
    "]]><script>alert(1)</script>",
    "\" onmouseover=\"alert(1)\" x=\"",
    "' onload='alert(1)'",
    "&lt;script&gt;&#60;&amp;",
    "-->\u{0}\u{8}<!--",
    "\u{202e}txt.exe\u{ffff}",
];

#[test]
fn hostile_names_stay_text() {
    for name in HOSTILE {
        let stack = frame::join(["root", name, name]);
        let hostile = profile(Tier::Server, ProfileSource::PySpy, &[(&stack, 7)]);
        for picture in
            [svg::render(&hostile).unwrap(), svg::render(&merge(std::slice::from_ref(&hostile))).unwrap()]
        {
            let clean =
                svg::render(&profile(Tier::Server, ProfileSource::PySpy, &[("root;a;b", 7)])).unwrap();
            let kinds = |svg: &str| {
                texts_of(svg).iter().filter(|t| t.starts_with("<script") || t.starts_with("<img")).count()
            };
            assert_eq!(kinds(&picture), kinds(&clean), "{name}");
            assert!(!texts_of(&picture).iter().any(|t| t.starts_with("@on") && t != "@onload"), "{name}");
            assert_eq!(picture.matches("onload=\"").count(), clean.matches("onload=\"").count(), "{name}");
        }
        let json: serde_json::Value = serde_json::from_str(&speedscope::render("x", &[&hostile])).unwrap();
        assert_eq!(json["shared"]["frames"][1]["name"], frame::sanitize(name));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_names_keep_their_weight_in_every_format(names in proptest::collection::vec(("\\PC{0,20}", "\\PC{0,20}", 1_u64..1_000), 1..6)) {
        let mut stacks = BTreeMap::<String, u64>::new();
        for (root, leaf, weight) in &names {
            *stacks.entry(frame::join([root.as_str(), leaf.as_str()])).or_default() += weight;
        }
        let mut any = profile(Tier::Server, ProfileSource::PySpy, &[]);
        any.stacks = stacks.clone();
        prop_assert_eq!(folded::parse(&folded::render(&any)), (stacks.clone(), 0));
        prop_assert_eq!(pprof::parse(&pprof::render(&any).unwrap()).unwrap().stacks, stacks);
        let picture = svg::render(&any).unwrap();
        texts_of(&picture);
        let whole = format!("total_samples=\"{}\"", total_weight(&any));
        prop_assert!(picture.contains(&whole));
        // Scaling to CPU time loses less than a nanosecond a stack.
        let merged = total_weight(&merge(std::slice::from_ref(&any)));
        prop_assert!(merged <= any.facts.true_cpu_ns && merged + any.stacks.len() as u64 >= any.facts.true_cpu_ns);
    }
}
