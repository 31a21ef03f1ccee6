//! Hardware and operating system of this machine, for the manifest.

use std::fs;
use std::path::Path;
use std::time::Duration;

use kneepoint_model::manifest::HostInfo;
use kneepoint_process::Program;

/// Reads /proc and /etc/os-release; a fact that is not there is left empty.
pub(crate) fn describe_host() -> HostInfo {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    HostInfo {
        os: field_value(&release, "PRETTY_NAME=").trim_matches('"').to_owned(),
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        cores: std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX)),
        cpu: field_value(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default(), "model name")
            .trim_start_matches([' ', '\t', ':'])
            .to_owned(),
        memory_bytes: kib_field(&meminfo, "MemTotal:"),
        swap_bytes: kib_field(&meminfo, "SwapTotal:"),
    }
}

/// The commit that is checked out in `folder`; `None` outside a git repository.
pub(crate) fn git_commit(folder: &Path) -> Option<String> {
    let output = Program::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .cwd(folder)
        .run(Duration::from_secs(2))
        .ok()?;
    Some(output.stdout_text().trim().to_owned()).filter(|text| !text.is_empty())
}

fn field_value<'a>(text: &'a str, key: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim()
}

fn kib_field(text: &str, key: &str) -> u64 {
    field_value(text, key).split_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_cores_memory_and_a_kernel() {
        let host = describe_host();
        assert!(host.cores >= 1 && host.memory_bytes > 0 && !host.kernel.is_empty(), "{host:?}");
    }
}
