//! Stored folders of real runs: everything after `down` is a pure function of the folder, so their reports must
//! not change unnoticed. `KNEEPOINT_BLESS=1` rewrites the expected reports.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::{RunDir, Sandbox};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("create");
    for entry in fs::read_dir(from).expect("list").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copy");
        }
    }
}

fn reported(name: &str, code: i32) -> RunDir {
    let sandbox = Sandbox::new(&format!("stored_{name}"));
    let run = sandbox.folder.join("run");
    copy(&Path::new(DATA).join(name), &run);
    sandbox.run(&["report", "run"]).assert_exit(code);
    RunDir(run)
}

/// What is compared: the report for pull requests holds every figure with its unit, and every finding.
#[track_caller]
fn same_as_before(name: &str, run: &RunDir) {
    let expected: PathBuf = Path::new(DATA).join(format!("{name}.report.md"));
    // How long thinking took is of this machine.
    let report = run.text("report.md");
    let kept: Vec<&str> = report.lines().filter(|line| !is_of_this_machine(line)).collect();
    let found = kept.join(
        "
",
    ) + "
";
    if std::env::var_os("KNEEPOINT_BLESS").is_some() {
        fs::write(&expected, &found).expect("write");
    }
    let before = fs::read_to_string(&expected).expect("KNEEPOINT_BLESS=1 writes it");
    assert_eq!(found, before, "the report of {name} has changed; KNEEPOINT_BLESS=1 accepts it");
}

fn is_of_this_machine(line: &str) -> bool {
    ["analyse", "gate", "report"].iter().any(|stage| line.starts_with(&format!("| {stage} ")))
}

#[test]
fn an_injected_n_plus_one_is_read_from_a_stored_folder() {
    let run = reported("n-plus-one", 0);
    let findings = run.findings();
    assert_eq!(findings.first(), Some(&("n-plus-one".to_owned(), "proven".to_owned())), "{findings:?}");
    assert!(run.text("report.html").contains("select_related"));
    same_as_before("n-plus-one", &run);
}

#[test]
fn a_run_that_was_killed_in_mid_load_is_read_from_its_interval_log() {
    let run = reported("cut-off", 130);
    let summary = run.json("summary.json");
    assert_eq!(summary["verdict"]["status"], "partial");
    assert!(summary["load"][0]["requests"].as_u64() > Some(20), "{}", summary["load"]);
    same_as_before("cut-off", &run);
}

#[test]
fn a_folder_of_a_later_format_is_refused_by_name() {
    let sandbox = Sandbox::new("stored_later");
    let run = sandbox.folder.join("run");
    copy(&Path::new(DATA).join("n-plus-one"), &run);
    let manifest = fs::read_to_string(run.join("manifest.json")).expect("read");
    let later = manifest.replace("\"format_version\": 1", "\"format_version\": 99");
    assert_ne!(manifest, later);
    fs::write(run.join("manifest.json"), later).expect("write");
    let ended = sandbox.run(&["report", "run"]);
    ended.assert_exit(2);
    assert!(ended.stderr.contains("newer kneepoint"), "{}", ended.stderr);
}
