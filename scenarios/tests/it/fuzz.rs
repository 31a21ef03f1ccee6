//! Fuzz tests of every parser: mutated inputs must not cause a panic or a hang, and every generated scenario must be valid.
//!
//! With times: `cargo test --release -p kneepoint-scenarios --test it -- --nocapture fuzz`. The number of inputs per test is the value
//! of `KNEEPOINT_FUZZ_INPUTS`, or 100,000 in a release build.

#![expect(clippy::print_stdout, reason = "reports the number of inputs and the slowest one")]

use std::time::{Duration, Instant};

use kneepoint_scenarios::{
    Extract, ExtractInput, ImportError, Imported, Replay, Scenario, UserContext, from_access_log, from_har,
    from_openapi,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::read_capture;

/// Longest time that one input may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Deletes, inserts, truncates, copies and overwrites bytes; inserted bytes are often special characters of the formats.
fn mutate(rng: &mut ChaCha8Rng, input: &[u8]) -> Vec<u8> {
    const SPECIAL: &[u8] = b"\"'{}[]\\\n\r\0,:;#=-%&?/ \t<>|09azAZ\xff\xc3";
    let mut mutated = input.to_vec();
    for _ in 0..rng.random_range(1..6) {
        let start = rng.random_range(0..=mutated.len());
        let end = (start + rng.random_range(0..40)).min(mutated.len());
        match rng.random_range(0..5) {
            0 => drop(mutated.drain(start..end)),
            1 => mutated.insert(start, SPECIAL[rng.random_range(0..SPECIAL.len())]),
            2 => mutated.truncate(start.max(1)),
            3 => {
                let piece = mutated[start..end].to_vec();
                let target = rng.random_range(0..=mutated.len());
                mutated.splice(target..target, piece);
            }
            _ => {
                if let Some(byte) = mutated.get_mut(start) {
                    *byte = rng.random();
                }
            }
        }
    }
    mutated
}

fn fuzz_inputs() -> u64 {
    match std::env::var("KNEEPOINT_FUZZ_INPUTS") {
        Ok(text) => text.parse().unwrap_or_else(|_| {
            panic!("KNEEPOINT_FUZZ_INPUTS={text} is not a whole number; for example KNEEPOINT_FUZZ_INPUTS=1000000")
        }),
        // Fewer without optimisation, so that the tests of the crate stay quick.
        Err(_) if cfg!(debug_assertions) => 2_000,
        Err(_) => 100_000,
    }
}

fn fuzz(name: &str, seeds: &[Vec<u8>], parse: impl FnMut(&[u8])) {
    fuzz_times(fuzz_inputs(), name, seeds, parse);
}

fn fuzz_times(inputs: u64, name: &str, seeds: &[Vec<u8>], mut parse: impl FnMut(&[u8])) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let (start, mut slowest) = (Instant::now(), Duration::ZERO);
    for _ in 0..inputs {
        let seed = &seeds[rng.random_range(0..seeds.len())];
        let mutated = mutate(&mut rng, seed);
        let parse_start = Instant::now();
        parse(&mutated);
        slowest = slowest.max(parse_start.elapsed());
        assert!(slowest < TIMEOUT, "{name}: {slowest:?} for {:?}", String::from_utf8_lossy(&mutated));
    }
    println!("{name}: {inputs} inputs in {:.1?}, the slowest {slowest:.1?}", start.elapsed());
}

/// An error is fine, except a generated scenario that kneepoint itself rejects.
fn assert_valid(result: Result<Imported, ImportError>) {
    match result {
        Err(error @ ImportError::InvalidOutput(_)) => panic!("{error}"),
        Ok(imported) => assert!(Scenario::parse("x.toml", &imported.text).is_ok()),
        Err(_) => {}
    }
}

#[test]
fn mutated_access_logs_never_panic() {
    let lines: Vec<Vec<u8>> = [read_capture("nginx.log"), read_capture("kneepoint.jsonl")]
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
        assert_valid(from_access_log(bytes, "log"));
        let _ = Replay::from_access_log(bytes, "log");
    });
}

#[test]
fn mutated_recordings_never_panic() {
    let text = String::from_utf8(read_capture("shop.har")).expect("text");
    let har: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let entries = har["log"]["entries"].as_array().expect("entries");
    let seeds: Vec<Vec<u8>> = entries
        .chunks(2)
        .map(|few| serde_json::json!({"log": {"entries": few}}).to_string().into_bytes())
        .collect();
    fuzz("recordings", &seeds, |bytes| assert_valid(from_har(&String::from_utf8_lossy(bytes), "har")));
}

#[test]
fn mutated_openapi_documents_never_panic() {
    let seeds = [read_capture("shop.openapi.yaml")];
    fuzz("documents", &seeds, |bytes| {
        assert_valid(from_openapi(&String::from_utf8_lossy(bytes), "yaml", true));
    });
}

#[test]
fn mutated_scenario_files_never_panic() {
    let mut seeds: Vec<Vec<u8>> = vec![kneepoint_scenarios::DEFAULT_TOML.as_bytes().to_vec()];
    for name in ["browse", "checkout", "api-crud", "hot-book"] {
        let path = format!("{}/library/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        seeds.push(std::fs::read(path).expect("the library"));
    }
    fuzz("scenario files", &seeds, |bytes| drop(Scenario::parse("x.toml", &String::from_utf8_lossy(bytes))));
}

#[test]
fn mutated_feeds_never_panic() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let kinds: [(&str, &[&str]); 3] = [
        ("csv", &["name,city\nann,\"Bad \"\"Aibling\"\"\"\nbob,\"two\nlines\"\n", "a\n1\n\n2\n"]),
        ("json", &["[{\"a\":1,\"b\":\"x\"},\n{\"b\":\"\\u00e4\",\"a\":-1.5}]", "[{\"a\":true}]"]),
        ("jsonl", &["{\"a\":1,\"b\":\"x\"}\n\n{\"b\":\"y\",\"a\":2}\n"]),
    ];
    for (extension, texts) in kinds {
        let seeds: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        let file = dir.path().join(format!("rows.{extension}"));
        let scenario = dir.path().join("x.toml");
        let text = format!(
            "name = \"x\"\n[feeds.row]\nfile = \"rows.{extension}\"\n[[step]]\npath = \"/{{row.a}}\"\n"
        );
        std::fs::write(&scenario, text).expect("write");
        // Each input is written to a file, which is the slow part.
        fuzz_times(fuzz_inputs() / 10, &format!("feeds of {extension}"), &seeds, |bytes| {
            std::fs::write(&file, bytes).expect("write");
            let Ok(scenario) = Scenario::load(&scenario) else { return };
            let mut context = UserContext::new(1, 1);
            assert_eq!(scenario.begin_journey(&mut context, 1, 1), Ok(vec![0]));
            let mut path = String::new();
            let step = &scenario.steps()[0];
            assert!(step.path().render(&mut context, kneepoint_scenarios::Encoding::Path, &mut path));
        });
    }
}

/// A response in which every header, cookie and body is the same text.
struct UniformResponse<'a>(&'a str);

impl ExtractInput for UniformResponse<'_> {
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

#[test]
fn extraction_from_mutated_responses_never_panics() {
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
    let mut context = UserContext::new(1, 1);
    fuzz("extractions", &seeds, |bytes| {
        let body = String::from_utf8_lossy(bytes);
        let _ = step.expect().check_body(&body, bytes.len() as u64);
        // No extract is required, so nothing can be missing.
        assert!(Extract::apply(step.extracts(), &UniformResponse(&body), &mut context).is_ok());
        context.values.clear();
    });
}
