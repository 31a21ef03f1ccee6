//! Starts the binary in a sandbox and reads what it writes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Tests that load the machine run one at a time.
pub(crate) fn lock_machine() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A working folder and a home of its own runs; what `prepare` caches is shared by all tests through links.
pub(crate) struct Sandbox {
    pub(crate) folder: PathBuf,
    pub(crate) home: PathBuf,
}

impl Sandbox {
    /// An empty folder named after the test.
    pub(crate) fn new(name: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("it");
        let (folder, home, cache) = (root.join(name), root.join(name).join(".kneepoint"), root.join("cache"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&home).expect("create the sandbox");
        fs::create_dir_all(&cache).expect("create the shared cache");
        std::os::unix::fs::symlink(&cache, home.join("cache")).expect("link the shared cache");
        Self { folder, home }
    }

    /// Writes the configuration.
    pub(crate) fn config(&self, text: &str) -> &Self {
        fs::write(self.folder.join("kneepoint.toml"), text).expect("write the configuration");
        self
    }

    /// The binary, in this sandbox.
    pub(crate) fn kneepoint(&self, args: &[&str]) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::cargo_bin("kneepoint").expect("the binary is built");
        command
            .current_dir(&self.folder)
            .args(args)
            .timeout(Duration::from_mins(4))
            .env_remove("GITHUB_STEP_SUMMARY");
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        let output = self.kneepoint(args).output().expect("the binary runs");
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Starts and does not wait.
    #[expect(clippy::disallowed_methods, reason = "the test must hold the child to kill it")]
    pub(crate) fn start(&self, args: &[&str]) -> std::process::Child {
        std::process::Command::new(assert_cmd::cargo::cargo_bin("kneepoint"))
            .current_dir(&self.folder)
            .args(args)
            .stdout(std::process::Stdio::null())
            .stderr(fs::File::create(self.folder.join("stderr.txt")).expect("create stderr.txt"))
            .spawn()
            .expect("the binary starts")
    }

    /// The only (or latest) run folder.
    pub(crate) fn latest(&self) -> RunDir {
        let mut runs: Vec<_> =
            fs::read_dir(self.home.join("runs")).expect("runs").flatten().map(|entry| entry.path()).collect();
        runs.sort();
        RunDir(runs.pop().expect("a run folder"))
    }

    /// How many run folders there are.
    pub(crate) fn runs(&self) -> usize {
        fs::read_dir(self.home.join("runs")).map_or(0, Iterator::count)
    }

    /// Waits until the latest run has begun a stage.
    pub(crate) fn wait_for_stage(&self, stage: &str) {
        let wanted = format!("\"event\":\"stage_started\",\"stage\":\"{stage}\"");
        wait_until(Duration::from_secs(150), &format!("stage {stage}"), || {
            let newest = fs::read_dir(self.home.join("runs")).ok()?.flatten().map(|e| e.path()).max()?;
            fs::read_to_string(newest.join("events.jsonl")).ok()?.contains(&wanted).then_some(())
        });
    }

    /// Asserts that no process of this sandbox is alive, now or within a few seconds.
    pub(crate) fn assert_nothing_runs(&self) {
        let mut left = Vec::new();
        for _ in 0..100 {
            left = self.processes();
            if left.is_empty() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("still running: {left:?}");
    }

    /// Command lines of living processes that name this sandbox.
    fn processes(&self) -> Vec<String> {
        let name = self.folder.to_string_lossy().into_owned();
        let ours = |entry: fs::DirEntry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let read = |file: &str| {
                let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).replace('\0', " ")
            };
            let command = read("cmdline");
            let belongs =
                pid != std::process::id() && (command.contains(&name) || read("environ").contains(&name));
            belongs.then(|| format!("{pid} {command}"))
        };
        fs::read_dir("/proc").expect("/proc").flatten().filter_map(ours).collect()
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Asserts the exit code; a failure shows the output.
    #[track_caller]
    pub(crate) fn assert_exit(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that it was refused before anything started, in these words among others.
    #[track_caller]
    pub(crate) fn assert_refused(&self, parts: &[&str]) {
        self.assert_exit(2);
        for part in parts {
            assert!(self.stderr.contains(part), "{part} is missing from:\n{}", self.stderr);
        }
    }
}

impl Ended {
    /// Asserts that the run went well, or that it went well on a machine whose other work spoilt its *times*: then every
    /// reason must be about the machine, never about the stack. What does not depend on times is asserted all the same.
    #[track_caller]
    pub(crate) fn assert_success(&self, run: &RunDir) -> &Self {
        if self.code == 0 {
            return self;
        }
        let verdict = run.json("summary.json")["verdict"].clone();
        let about_the_machine = |reason: &Value| {
            let reason = reason.as_str().unwrap_or_default();
            [
                "the generator waited",
                "the dispatcher was",
                "processes outside the stack",
                "the hypervisor",
                "the load generator's busiest",
            ]
            .iter()
            .any(|part| reason.contains(part))
        };
        let spoilt =
            verdict["reasons"].as_array().is_some_and(|reasons| reasons.iter().all(about_the_machine));
        assert!(
            matches!(self.code, 3 | 4) && spoilt,
            "exit {}: {verdict}\n{}\n{}",
            self.code,
            self.stdout,
            self.stderr
        );
        self
    }
}

/// A run folder with its files.
#[derive(Debug)]
pub(crate) struct RunDir(pub(crate) PathBuf);

impl RunDir {
    pub(crate) fn json(&self, name: &str) -> Value {
        let text = self.text(name);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"))
    }
    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_else(|e| panic!("{}/{name}: {e}", self.0.display()))
    }
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.join(name).is_file()
    }
    pub(crate) fn findings(&self) -> Vec<(String, String)> {
        let summary = self.json("summary.json");
        let findings = summary["findings"].as_array().expect("findings").iter();
        findings
            .map(|f| {
                (f["rule"].as_str().unwrap_or("").to_owned(), f["severity"].as_str().unwrap_or("").to_owned())
            })
            .collect()
    }
}

/// Polls until `check` returns a value; fails after `limit`.
pub(crate) fn wait_until<T>(limit: Duration, what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + limit;
    loop {
        if let Some(value) = check() {
            return value;
        }
        assert!(Instant::now() < until, "waited {limit:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits for a child's end and gives its exit code.
pub(crate) fn wait_for_exit(child: &mut std::process::Child, limit: Duration) -> i32 {
    wait_until(limit, "the process to end", || child.try_wait().expect("wait")).code().unwrap_or(-1)
}

pub(crate) fn signal(child: &std::process::Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("pid")).expect("pid");
    rustix::process::kill_process(pid, signal).expect("signal");
}

/// A short run: every stage real, nothing long.
pub(crate) const SHORT: &str = r#"
[crawl]
max_pages = 60
per_template = 3
[warm]
max_rounds = 4
[load]
users = 3
closed = "4s"
open = "4s"
warmup = "1s"
[profile]
time = "4s"
"#;
