//! The page in a real browser: the script completes, nothing violates the content security policy, flame graphs can be
//! searched and zoomed inside their frames, and screenshots work in light and dark mode.
//!
//! Without Chromium these tests fail, so that they are not skipped by accident; `KNEEPOINT_WITHOUT_CHROMIUM=1` skips them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_reports::{ReportView, render};
use tempfile::TempDir;

use crate::fixture;

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

#[expect(clippy::print_stdout, reason = "a skipped test prints the reason")]
pub(crate) fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = NAMES.iter().find_map(|name| {
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
    });
    if found.is_none() {
        let known = std::env::var("KNEEPOINT_WITHOUT_CHROMIUM").is_ok_and(|value| value == "1");
        assert!(
            known,
            "no Chromium on PATH: `bash ci/test` installs it; set KNEEPOINT_WITHOUT_CHROMIUM=1 to go without"
        );
        println!("skipped by request: KNEEPOINT_WITHOUT_CHROMIUM=1");
    }
    found
}

pub(crate) struct BrowserOutput {
    pub(crate) out: String,
    pub(crate) err: String,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test opens the page in a browser; the crate itself starts nothing"
)]
pub(crate) fn open(program: &Path, home: &Path, page: &Path, arguments: &[&str]) -> BrowserOutput {
    let mut child = std::process::Command::new(program)
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            // The virtual clock of a headless browser does not wait for frames in separate processes.
            "--disable-features=IsolateSandboxedIframes",
        ])
        .args(["--enable-logging=stderr", "--v=0", "--window-size=1400,1000", "--virtual-time-budget=10000"])
        .arg(format!("--user-data-dir={}", home.display()))
        .args(arguments)
        .arg(format!("file://{}#everything", page.display()))
        .stdin(std::process::Stdio::null())
        .stdout(fs::File::create(home.with_extension("out")).expect("file"))
        .stderr(fs::File::create(home.with_extension("err")).expect("file"))
        .spawn()
        .expect("start the browser");
    for _ in 0..300 {
        if child.try_wait().expect("wait").is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let ended = child.try_wait().expect("wait").is_some();
    if !ended {
        child.kill().expect("kill");
        child.wait().expect("wait");
    }
    let read = |ending: &str| {
        String::from_utf8_lossy(&fs::read(home.with_extension(ending)).expect("read")).into_owned()
    };
    let output = BrowserOutput { out: read("out"), err: read("err") };
    assert!(ended, "the browser did not end within 30 s: {}", output.err);
    output
}

/// Log lines that the page causes: console messages and policy violations, without the browser's own remarks.
pub(crate) fn page_errors(log: &str) -> Vec<&str> {
    log.lines()
        .filter(|line| {
            line.contains("CONSOLE")
                || line.contains("Content Security Policy")
                || line.contains("Refused to")
        })
        .collect()
}

fn write_report(folder: &TempDir) -> PathBuf {
    let run = fixture::run();
    let text = render::html(&ReportView::build(&run.facts, &run.analysis, &run.summary, &run.flames))
        .expect("renders");
    let page = folder.path().join("report.html");
    fs::write(&page, text).expect("write");
    page
}

#[test]
fn the_page_works_in_a_browser() {
    let Some(program) = browser() else { return };
    let folder = tempfile::tempdir().expect("folder");
    let page = write_report(&folder);
    let output = open(&program, &folder.path().join("dom"), &page, &["--dump-dom"]);
    assert_eq!(page_errors(&output.err), Vec::<&str>::new());
    let root =
        output.out.split_once("<html").and_then(|(_, rest)| rest.split_once('>')).expect("a document").0;
    assert!(root.contains("data-ready=\"1\""), "the script completed: <html{root}>");
    assert!(
        root.contains("data-flames=\"3\""),
        "search and zoom work in all three flame graphs: <html{root}>"
    );
    assert!(
        output.out.contains("aria-sort") || output.out.contains("<button type=\"button\">Endpoint"),
        "tables can be sorted"
    );
}

#[test]
fn screenshots_differ_in_light_and_dark_mode() {
    let Some(program) = browser() else { return };
    let folder = tempfile::tempdir().expect("folder");
    let page = write_report(&folder);
    let mut pictures = Vec::new();
    for (name, extra) in [
        ("light", "--blink-settings=preferredColorScheme=1"),
        ("dark", "--blink-settings=preferredColorScheme=0"),
    ] {
        let picture = folder.path().join(format!("{name}.png"));
        let to = format!("--screenshot={}", picture.display());
        let output = open(&program, &folder.path().join(name), &page, &[&to, extra]);
        assert_eq!(page_errors(&output.err), Vec::<&str>::new());
        pictures.push(fs::read(&picture).expect("a picture"));
    }
    assert!(pictures.iter().all(|picture| picture.starts_with(b"\x89PNG") && picture.len() > 20_000));
    assert_ne!(pictures[0], pictures[1], "dark is not light");
    if let Ok(keep) = std::env::var("KNEEPOINT_KEEP_REPORT") {
        fs::create_dir_all(&keep).expect("folder");
        fs::copy(&page, Path::new(&keep).join("report.html")).expect("keep");
    }
}
