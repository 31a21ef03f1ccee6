//! Files that users send.

use kneepoint_scenarios::Scenario;

use crate::{TestRun, open, plan, servers};

#[test]
fn a_form_with_a_file_and_a_plain_file_arrive_byte_for_byte() {
    let (base, parts) = servers::uploads();
    let dir = tempfile::tempdir().expect("temporary folder");
    // Bytes that could be mistaken for something else: line ends, dashes, zeros, invalid UTF-8.
    let mut bytes: Vec<u8> = (0..=255).cycle().take(5000).collect();
    bytes.extend_from_slice(b"\r\n--kneepoint-\r\n--");
    std::fs::write(dir.path().join("cover.png"), &bytes).expect("write");
    let text = r#"
name = "uploads"
needs_throw_away = true
[vars.word]
list = ["Bücher & \"more\""]
[[step]]
method = "POST"
path = "/form"
multipart = { title = "{word}", photo = { file = "cover.png", content_type = "image/png" }, raw = { file = "cover.png", filename = "a \"b\".bin" } }
[[step]]
method = "PUT"
path = "/whole"
headers = { content-type = "image/png" }
body_file = "cover.png"
"#;
    std::fs::write(dir.path().join("x.toml"), text).expect("write");
    let scenario = Scenario::load(&dir.path().join("x.toml")).unwrap_or_else(|e| panic!("{e}"));
    let phase = TestRun::new().run(&plan(open(20.0), &base, vec![(scenario, 1)]));
    assert!(phase.requests >= 38 && phase.errors == 0, "{:#?}", phase.exemplars);
    let parts = parts.lock().expect("lock");
    let some = |text: &str| Some(text.to_owned());
    let sent = [
        ("photo".to_owned(), some("cover.png"), some("image/png"), bytes.clone()),
        ("raw".to_owned(), some("a %22b%22.bin"), some("application/octet-stream"), bytes.clone()),
        ("title".to_owned(), None, None, "Bücher & \"more\"".as_bytes().to_vec()),
        ("whole".to_owned(), None, some("image/png"), bytes.clone()),
    ];
    for part in &sent {
        let times = parts.iter().filter(|own| *own == part).count();
        assert!(times >= 19, "{} came {times} times as it was sent", part.0);
    }
    assert!(parts.iter().all(|part| sent.contains(part)), "nothing else came");
}
