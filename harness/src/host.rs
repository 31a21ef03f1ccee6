//! Facts about this machine, for the manifest.

use std::fs;
use std::path::Path;
use std::time::Duration;

use kneepoint_model::manifest::HostInfo;
use kneepoint_process::Program;

/// What the machine says of itself; what it does not say is left empty.
pub(crate) fn describe() -> HostInfo {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    HostInfo {
        os: field(&release, "PRETTY_NAME=").trim_matches('"').to_owned(),
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        cores: std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX)),
        cpu: field(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default(), "model name")
            .trim_start_matches([' ', '\t', ':'])
            .to_owned(),
        memory_bytes: kib(&meminfo, "MemTotal:"),
        swap_bytes: kib(&meminfo, "SwapTotal:"),
    }
}

/// The commit of the project in `folder`, when it is a repository.
pub(crate) fn commit(folder: &Path) -> Option<String> {
    let output = Program::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .cwd(folder)
        .run(Duration::from_secs(2))
        .ok()?;
    Some(output.stdout_text().trim().to_owned()).filter(|text| !text.is_empty())
}

fn field<'a>(text: &'a str, key: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim()
}

fn kib(text: &str, key: &str) -> u64 {
    field(text, key).split_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_cores_memory_and_a_kernel() {
        let host = describe();
        assert!(host.cores >= 1 && host.memory_bytes > 0 && !host.kernel.is_empty(), "{host:?}");
    }
}
