//! Text of strangers, bent a million times: nothing may panic or hang, and what is made must be valid.
//!
//! By hand: `cargo test --release -p kneepoint-scenarios --test fuzz -- --ignored --nocapture` (FUZZ=10000 for fewer).

#![expect(clippy::print_stdout, reason = "what was tried is said aloud")]

use std::time::{Duration, Instant};

use kneepoint_scenarios::{
    Answer, Extract, ImportError, Imported, Replay, Scenario, Visit, from_access_log, from_har, from_openapi,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// No input may take longer.
const LONGEST: Duration = Duration::from_secs(2);

fn capture(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/captures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Cuts, repeats, swaps and strews bytes that parsers are sensitive to.
fn bend(rng: &mut ChaCha8Rng, from: &[u8]) -> Vec<u8> {
    const SHARP: &[u8] = b"\"'{}[]\\\n\r\0,:;#=-%&?/ \t<>|09azAZ\xff\xc3";
    let mut bent = from.to_vec();
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..=bent.len());
        let to = (at + rng.random_range(0..40)).min(bent.len());
        match rng.random_range(0..5) {
            0 => drop(bent.drain(at..to)),
            1 => bent.insert(at, SHARP[rng.random_range(0..SHARP.len())]),
            2 => bent.truncate(at.max(1)),
            3 => {
                let piece = bent[at..to].to_vec();
                let place = rng.random_range(0..=bent.len());
                bent.splice(place..place, piece);
            }
            _ => {
                if let Some(byte) = bent.get_mut(at) {
                    *byte = rng.random();
                }
            }
        }
    }
    bent
}

fn fuzz(what: &str, seeds: &[Vec<u8>], mut parse: impl FnMut(&[u8])) {
    let inputs: u64 = std::env::var("FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let (began, mut slowest) = (Instant::now(), Duration::ZERO);
    for _ in 0..inputs {
        let seed = &seeds[rng.random_range(0..seeds.len())];
        let bent = bend(&mut rng, seed);
        let one = Instant::now();
        parse(&bent);
        slowest = slowest.max(one.elapsed());
        assert!(slowest < LONGEST, "{what}: {slowest:?} for {:?}", String::from_utf8_lossy(&bent));
    }
    println!("{what}: {inputs} inputs in {:.1?}, the slowest {slowest:.1?}", began.elapsed());
}

/// Refusals are fine; a result that kneepoint itself refuses is not.
fn sound(result: Result<Imported, ImportError>) {
    match result {
        Err(error @ ImportError::Ours(_)) => panic!("{error}"),
        Ok(imported) => assert!(Scenario::parse("x.toml", &imported.text).is_ok()),
        Err(_) => {}
    }
}

#[test]
#[ignore = "a million inputs: by hand"]
fn access_logs() {
    let lines: Vec<Vec<u8>> = [capture("nginx.log"), capture("kneepoint.jsonl")]
        .iter()
        .flat_map(|log| {
            log.split(|byte| *byte == b'\n')
                .take(40)
                .collect::<Vec<_>>()
                .chunks(4)
                .map(|few| few.join(&b'\n'))
                .collect::<Vec<_>>()
        })
        .collect();
    fuzz("access logs", &lines, |bytes| {
        sound(from_access_log(bytes, "log"));
        let _ = Replay::from_access_log(bytes, "log");
    });
}

#[test]
#[ignore = "a million inputs: by hand"]
fn recordings() {
    let whole = String::from_utf8(capture("shop.har")).expect("text");
    let har: serde_json::Value = serde_json::from_str(&whole).expect("JSON");
    let entries = har["log"]["entries"].as_array().expect("entries");
    let seeds: Vec<Vec<u8>> = entries
        .chunks(2)
        .map(|few| serde_json::json!({"log": {"entries": few}}).to_string().into_bytes())
        .collect();
    fuzz("recordings", &seeds, |bytes| sound(from_har(&String::from_utf8_lossy(bytes), "har")));
}

#[test]
#[ignore = "a million inputs: by hand"]
fn documents() {
    let seeds = [capture("shop.openapi.yaml")];
    fuzz("documents", &seeds, |bytes| sound(from_openapi(&String::from_utf8_lossy(bytes), "yaml", true)));
}

#[test]
#[ignore = "a million inputs: by hand"]
fn scenario_files() {
    let mut seeds: Vec<Vec<u8>> = vec![kneepoint_scenarios::DEFAULT_TOML.as_bytes().to_vec()];
    for name in ["browse", "checkout", "api-crud", "hot-book"] {
        let path = format!("{}/library/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        seeds.push(std::fs::read(path).expect("the library"));
    }
    fuzz("scenario files", &seeds, |bytes| drop(Scenario::parse("x.toml", &String::from_utf8_lossy(bytes))));
}

/// Files of data beside a scenario.
#[test]
#[ignore = "a million inputs: by hand"]
fn feeds() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let kinds: [(&str, &[&str]); 3] = [
        ("csv", &["name,city\nann,\"Bad \"\"Aibling\"\"\"\nbob,\"two\nlines\"\n", "a\n1\n\n2\n"]),
        ("json", &["[{\"a\":1,\"b\":\"x\"},\n{\"b\":\"\\u00e4\",\"a\":-1.5}]", "[{\"a\":true}]"]),
        ("jsonl", &["{\"a\":1,\"b\":\"x\"}\n\n{\"b\":\"y\",\"a\":2}\n"]),
    ];
    for (ending, texts) in kinds {
        let seeds: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        let file = dir.path().join(format!("rows.{ending}"));
        let scenario = dir.path().join("x.toml");
        let text =
            format!("name = \"x\"\n[feeds.row]\nfile = \"rows.{ending}\"\n[[step]]\npath = \"/{{row.a}}\"\n");
        std::fs::write(&scenario, text).expect("write");
        fuzz(&format!("feeds of {ending}"), &seeds, |bytes| {
            std::fs::write(&file, bytes).expect("write");
            let Ok(scenario) = Scenario::load(&scenario) else { return };
            let mut visit = Visit::new(1, 1);
            assert_eq!(scenario.begin(&mut visit, 1, 1), Ok(vec![0]));
            let mut path = String::new();
            let step = &scenario.steps()[0];
            assert!(step.path().render(&mut visit, kneepoint_scenarios::Encoding::Path, &mut path));
        });
    }
}

/// An answer with this body, whatever is asked of it.
struct Body<'a>(&'a str);

impl Answer for Body<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        (name == "location").then_some(self.0)
    }
    fn cookie(&self, _: &str) -> Option<String> {
        Some(self.0.to_owned())
    }
    fn body(&self) -> &str {
        self.0
    }
}

/// Bodies of answers that values are taken out of.
#[test]
#[ignore = "a million inputs: by hand"]
fn extractions() {
    let text = r#"
name = "x"
[[step]]
path = "/"
extract.one = { css = "table td:first-child a", attr = "href", pick = "random", required = false }
extract.two = { json = "/results/*/id", pick = "random", required = false }
extract.three = { regex = 'name="(\w+)"', required = false }
extract.four = { header = "location", required = false }
extract.five = { cookie = "session", required = false }
"#;
    let scenario = Scenario::parse("x.toml", text).unwrap_or_else(|error| panic!("{error}"));
    let step = &scenario.steps()[0];
    let seeds = [
        &b"<table><tr><td><a href=/books/7/>x</a><td>9</table><form id=a><input name=\"token\" value='&amp;'></form>"[..],
        br#"{"results": [{"id": 7, "name": "a"}, {"id": "\u00e4"}], "next": null}"#,
        b"<p><b><i>x</p></i><select><option>a<table><td>b<svg><td></template><!-- <td><a href=1> -->",
    ]
    .map(<[u8]>::to_vec);
    let mut visit = Visit::new(1, 1);
    fuzz("extractions", &seeds, |bytes| {
        let body = String::from_utf8_lossy(bytes);
        let _ = step.expect().judge(&body, bytes.len() as u64);
        // What is not required may be missing.
        assert!(Extract::apply(step.extracts(), &Body(&body), &mut visit).is_ok());
        visit.values.clear();
    });
}
