//! `--watch` in a terminal of the test's own: what is shown, and that the terminal is as it was afterwards, whatever ends
//! the run.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use rustix::fs::{Mode, OFlags, open};
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize};

use super::attach::Site;
use super::support::{Sandbox, lock_machine, signal, wait_for_exit, wait_until};

const CONFIG: &str = "[warm]\npages = 2\nmax_rounds = 2\nmax_time = \"2s\"\n[probe]\nrepeats = 1\nmax_time = \"2s\"\n\
    [load]\nclosed = \"0s\"\nopen = \"3s\"\nrate = \"40/s\"\nwarmup = \"1s\"\n";

const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?1049l";
const SHOW_CURSOR: &str = "\u{1b}[?25h";

/// The binary in a terminal.
struct Terminal {
    master: OwnedFd,
    slave: OwnedFd,
    before: Termios,
    child: Child,
    written: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Starts the binary in a terminal of 100 columns and 30 rows.
    #[expect(clippy::disallowed_methods, reason = "the test must give the child a terminal")]
    fn start(sandbox: &Sandbox, args: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).expect("granted");
        unlockpt(&master).expect("unlocked");
        let name = ptsname(&master, Vec::new()).expect("its name");
        let slave = open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other end");
        let size = Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).expect("a size");
        let before = tcgetattr(&slave).expect("its modes");
        let end = || Stdio::from(slave.try_clone().expect("another"));
        let child = Command::new(assert_cmd::cargo::cargo_bin("kneepoint"))
            .current_dir(&sandbox.folder)
            .args(args)
            .env("TERM", "xterm-256color")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("the binary starts");
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let (mut from, to) = (File::from(master.try_clone().expect("another")), Arc::clone(&written));
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = from.read(&mut buffer) {
                to.lock().expect("lock").extend_from_slice(&buffer[..n]);
            }
        });
        Self { master, slave, before, child, written, reader }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().expect("lock")).into_owned()
    }

    /// Waits until something was written.
    fn wait_for(&self, text: &str) {
        wait_until(Duration::from_mins(1), text, || self.text().contains(text).then_some(()));
    }

    fn press(&self, keys: &[u8]) {
        rustix::io::write(&self.master, keys).expect("a key");
    }

    /// Waits for the end; the terminal must be as it was. Gives the exit code and everything that was written.
    fn end(mut self) -> (i32, String) {
        let code = wait_for_exit(&mut self.child, Duration::from_mins(1));
        let after = tcgetattr(self.slave.as_fd()).expect("its modes");
        assert_eq!(after.local_modes, self.before.local_modes, "raw mode was left");
        assert!(after.local_modes.contains(LocalModes::ICANON | LocalModes::ECHO));
        assert_eq!(after.input_modes, self.before.input_modes);
        // The reader ends when nobody has the other end open.
        drop(self.slave);
        self.reader.join().expect("the reader");
        let text = String::from_utf8_lossy(&self.written.lock().expect("lock")).into_owned();
        let (entered, left) = (text.rfind(ENTER), text.rfind(LEAVE));
        assert!(entered.is_some() && left > entered, "the alternate screen was not left");
        assert!(text.rfind(SHOW_CURSOR) > entered, "the cursor is still hidden");
        (code, text)
    }
}

fn site() -> Site {
    let home = || async { Html("<title>Home</title><a href=/books/1/>1</a>") };
    let book = || async { Html("<title>Book</title><a href=/>home</a>") };
    Site::serve(Router::new().route("/", get(home)).route("/books/{id}/", get(book)))
}

/// What was written after the view was left.
fn afterwards(text: &str) -> &str {
    &text[text.rfind(LEAVE).expect("left")..]
}

#[test]
fn a_run_is_watched_to_its_end_and_says_the_same_as_without() {
    let _machine = lock_machine();
    let (site, sandbox) = (site(), Sandbox::new("watch"));
    sandbox.config(CONFIG);
    let url = site.url();
    let terminal = Terminal::start(&sandbox, &["load", "--watch", "--attach", &url]);
    // A frame writes only what is not there yet: the title of a part grows when load begins.
    for part in
        ["Last second", "Endpoints, measured part", "Requests/s", "q: stop", "of open", "GET /books/<id>/"]
    {
        terminal.wait_for(part);
    }
    let (code, text) = terminal.end();
    assert!(matches!(code, 0 | 3 | 4), "exit {code}: {text}");
    assert!(text.contains("\u{1b}[?2026h"), "frames are written whole");
    let after = afterwards(&text);
    for part in ["✓\u{1b}[0m smoke", "open: ", " requests, ", "report: "] {
        assert!(after.contains(part), "{part} is missing after the view:\n{after}");
    }
    let frames = text.matches("\u{1b}[?2026h").count();
    let seconds: f64 = sandbox.latest().json("manifest.json")["stages"]
        .as_array()
        .expect("stages")
        .iter()
        .filter_map(|stage| stage["seconds"].as_f64())
        .sum();
    assert!((frames as f64) <= seconds.mul_add(4.0, 8.0), "{frames} frames in {seconds} s");
}

#[test]
fn the_terminal_is_given_back_whatever_ends_the_run() {
    let _machine = lock_machine();
    let (site, sandbox) = (site(), Sandbox::new("watch_ends"));
    let url = site.url();
    sandbox.config(&CONFIG.replace("open = \"3s\"", "open = \"60s\""));
    let args = ["load", "--watch", "--attach", &url];
    let started = || {
        let terminal = Terminal::start(&sandbox, &args);
        terminal.wait_for("of open");
        terminal
    };
    for (what, code) in [("q", 130), ("Ctrl-C", 130), ("SIGINT", 130), ("SIGTERM", 143)] {
        let terminal = started();
        match what {
            "q" => terminal.press(b"q"),
            "Ctrl-C" => terminal.press(b"\x03"),
            "SIGINT" => signal(&terminal.child, Signal::INT),
            _ => signal(&terminal.child, Signal::TERM),
        }
        let (ended, text) = terminal.end();
        assert_eq!(ended, code, "{what}: {}", afterwards(&text));
        assert!(afterwards(&text).contains("stopped by SIG"), "{what}: {}", afterwards(&text));
        assert!(sandbox.latest().has("report.html"), "{what}: a partial report is written");
    }
    // Twice in a row ends at once, and the terminal is given back all the same.
    let terminal = started();
    signal(&terminal.child, Signal::INT);
    std::thread::sleep(Duration::from_millis(30));
    signal(&terminal.child, Signal::INT);
    assert_eq!(terminal.end().0, 130);
}

#[test]
fn an_error_is_read_on_the_terminal_as_it_was() {
    let _machine = lock_machine();
    let broken = || async { (axum::http::StatusCode::INTERNAL_SERVER_ERROR, "") };
    let (site, sandbox) = (Site::serve(Router::new().route("/", get(broken))), Sandbox::new("watch_error"));
    sandbox.config(CONFIG);
    let (code, text) = Terminal::start(&sandbox, &["load", "--watch", "--attach", &site.url()]).end();
    assert_eq!(code, 6, "{text}");
    assert!(afterwards(&text).contains("error: "), "{}", afterwards(&text));
}

#[test]
fn without_a_terminal_the_run_goes_on_without_a_view() {
    let _machine = lock_machine();
    let (site, sandbox) = (site(), Sandbox::new("watch_nowhere"));
    sandbox.config(CONFIG);
    let ended = sandbox.run(&["load", "--watch", "--attach", &site.url()]);
    ended.assert_success(&sandbox.latest());
    assert!(ended.stderr.contains("--watch has no effect: stderr is not a terminal"), "{}", ended.stderr);
    assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
}
