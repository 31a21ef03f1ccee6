//! Running tools to their end: output, errors, deadline, cancellation, and that nothing is left running.

use std::thread;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_process::{Exit, ProcessError, Program, SessionId, Stream, session};

const LONG: Duration = Duration::from_secs(20);

fn sh(script: &str) -> Program {
    Program::new("sh").args(["-c", script])
}

/// Reads the pid that a script writes to `file`; waits until it is there.
fn read_pid(file: &std::path::Path) -> i32 {
    let until = Instant::now() + LONG;
    loop {
        match std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()) {
            Some(pid) => return pid,
            None if Instant::now() > until => panic!("no pid in {}", file.display()),
            None => thread::sleep(Duration::from_millis(5)),
        }
    }
}

#[test]
fn returns_the_output() {
    let output = sh("echo out; echo err >&2").run(LONG).unwrap();
    assert_eq!(output.stdout_text(), "out\n");
    assert_eq!(output.stderr_tail, "err\n");
}

#[test]
fn a_failure_carries_argv_code_and_stderr() {
    let error = sh("echo 'no such table: books' >&2; exit 3").run(LONG).unwrap_err();
    let ProcessError::Failed(failure) = &error else { panic!("{error}") };
    assert_eq!(failure.exit, Some(Exit::Code(3)));
    let text = error.to_string();
    assert!(
        text.contains("sh -c") && text.contains("exit code 3") && text.ends_with("no such table: books"),
        "{text}"
    );
}

#[test]
fn the_signal_and_stdout_are_reported_when_stderr_is_empty() {
    let error = sh("echo 'last line'; kill -9 $$").run(LONG).unwrap_err();
    let ProcessError::Failed(failure) = &error else { panic!("{error}") };
    assert_eq!(failure.exit, Some(Exit::Signal(9)));
    assert_eq!(failure.output_tail, "last line\n");
}

#[test]
fn missing_programs_and_folders_are_distinguished() {
    let error = Program::new("no-such-program-of-kneepoint").run(LONG).unwrap_err();
    assert!(
        matches!(&error, ProcessError::NotFound { program } if program == "no-such-program-of-kneepoint"),
        "{error}"
    );
    let error = sh("true").cwd("/no/such/folder").run(LONG).unwrap_err();
    assert!(matches!(error, ProcessError::NoFolder { .. }), "{error}");
    let error = Program::new("/etc/passwd").run(LONG).unwrap_err();
    assert!(matches!(error, ProcessError::CannotStart { .. }), "{error}");
}

#[test]
fn the_deadline_ends_the_whole_tree() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("echo $$ > {}; echo busy >&2; sleep 100 & sleep 100", file.display());
    let started = Instant::now();
    let error = sh(&script).run(Duration::from_millis(300)).unwrap_err();
    let ProcessError::TimedOut(failure) = &error else { panic!("{error}") };
    assert_eq!(failure.output_tail, "busy\n");
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "SIGTERM was enough, yet it took {:?}",
        started.elapsed()
    );
    assert_eq!(session::members(SessionId(read_pid(&file))), []);
}

#[test]
fn a_program_that_ignores_sigterm_is_killed_after_the_grace_period() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("trap '' TERM; echo $$ > {}; while :; do sleep 0.05; done", file.display());
    let started = Instant::now();
    let error = sh(&script).grace(Duration::from_millis(300)).run(Duration::from_millis(200)).unwrap_err();
    assert!(matches!(error, ProcessError::TimedOut(_)), "{error}");
    assert!(
        started.elapsed() >= Duration::from_millis(500),
        "it was killed before its grace period was over"
    );
    assert_eq!(session::members(SessionId(read_pid(&file))), []);
}

#[test]
fn processes_that_a_program_leaves_are_ended_without_delay() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let started = Instant::now();
    let output = sh(&format!("echo $$ > {}; sleep 100 & echo done", file.display())).run(LONG).unwrap();
    assert_eq!(output.stdout_text(), "done\n");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(session::members(SessionId(read_pid(&file))), []);
}

#[test]
fn cancelling_ends_it_promptly() {
    let cancel = Cancel::new();
    let switch = cancel.clone();
    let canceller = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        switch.cancel();
    });
    let started = Instant::now();
    let error = sh("sleep 100").cancel_on(&cancel).run(LONG).unwrap_err();
    canceller.join().unwrap();
    assert!(matches!(error, ProcessError::Cancelled(_)), "{error}");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn lines_are_passed_on_as_they_come_without_secrets() {
    let mut lines = Vec::new();
    let program = sh("echo one; echo \"key $KEY\" >&2; printf 'half'").secret_env("KEY", "hunter2");
    let output =
        program.run_with_lines(LONG, &mut |stream, line| lines.push((stream, line.to_owned()))).unwrap();
    lines.sort_by_key(|(stream, _)| *stream as u8);
    let expected = [(Stream::Stdout, "one"), (Stream::Stdout, "half"), (Stream::Stderr, "key ***")];
    assert_eq!(lines, expected.map(|(stream, line)| (stream, line.to_owned())));
    assert_eq!(output.stderr_tail, "key ***\n");
}

#[test]
fn much_output_is_bounded_and_does_not_block() {
    let program = sh("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero | tr '\\0' x >&2")
        .stdout_cap(1_000)
        .stderr_tail(50);
    let output = program.run(LONG).unwrap();
    assert_eq!((output.stdout.len(), output.stdout_dropped), (1_000, 2_999_000));
    assert_eq!(output.stderr_tail, "x".repeat(50));
}

#[test]
fn environment_and_folder_arrive_and_stdin_is_empty() {
    let program =
        sh("cat; echo $A-$B-$HOME; pwd").env_clear().env("A", "1").env("B", "2").env_remove("B").cwd("/");
    assert_eq!(program.env("PATH", "/usr/bin:/bin").run(LONG).unwrap().stdout_text(), "1--\n/\n");
}

#[test]
fn no_descriptor_of_this_process_reaches_a_child() {
    let (reader, writer) = std::io::pipe().unwrap();
    rustix::io::fcntl_setfd(&writer, rustix::io::FdFlags::empty()).unwrap();
    // 0 to 2, and the folder that `ls` itself reads.
    let listed = Program::new("ls").args(["-1", "/proc/self/fd"]).run(LONG).unwrap().stdout_text();
    drop((reader, writer));
    assert_eq!(listed.lines().count(), 4, "{listed}");
}
