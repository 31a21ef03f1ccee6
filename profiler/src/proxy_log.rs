//! Sums the proxy's JSON access log over a phase, by route.
//!
//! One JSON object per line, as `stack/proxy` configures it: `msec` (seconds with milliseconds, at the **end** of the
//! request), `method`, `uri`, `status`, `bytes_sent`, `request_time`, `upstream_connect_time`,
//! `upstream_header_time`, `upstream_response_time`, `upstream_cache_status`, `connection_requests`, `server_timing`;
//! other fields are ignored.
//!
//! nginx records times in whole milliseconds, truncated, and reads its clock once per iteration of its event loop: a
//! single time may be 1 ms too small, a 0.4 ms request shows 0, and means below 5 ms are imprecise. On a retry the
//! upstream times are a list (`0.001, 0.002`, or `:` between groups); they are summed.

mod log_line;
mod route_label;
mod route_sums;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use kneepoint_model::proxy::AccessSummary;
use kneepoint_model::run::RunError;
use kneepoint_model::units::UnixMillis;

use route_sums::RouteSums;

/// Longest accepted line, in bytes; a longer one counts as garbage.
const MAX_LINE: usize = 64 * 1024;

/// Sums the lines whose request ended in `from ≤ end < until`. Invalid lines count as garbage, including a last
/// line that is still being written.
pub fn summarise<L: AsRef<[u8]>>(
    lines: impl IntoIterator<Item = L>,
    from: UnixMillis,
    until: UnixMillis,
) -> AccessSummary {
    let mut sums = RouteSums::new(from, until);
    for line in lines {
        sums.add_line(line.as_ref());
    }
    sums.finish()
}

/// Like [`summarise`], but reads a file line by line with bounded memory.
pub fn read(path: &Path, from: UnixMillis, until: UnixMillis) -> Result<AccessSummary, RunError> {
    let fail = |source| RunError::Io { action: "read", path: path.to_owned(), source };
    let mut file = BufReader::with_capacity(1 << 18, File::open(path).map_err(fail)?);
    let mut sums = RouteSums::new(from, until);
    let mut line = Vec::new();
    loop {
        line.clear();
        let n = std::io::Read::take(&mut file, MAX_LINE as u64).read_until(b'\n', &mut line).map_err(fail)?;
        if n == 0 {
            return Ok(sums.finish());
        }
        sums.add_line(line.strip_suffix(b"\n").unwrap_or(&line));
    }
}
