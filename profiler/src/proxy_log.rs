//! The proxy's JSON access log over a phase, summed by route.
//!
//! One JSON object a line, as `stack/proxy` writes it: `msec` (seconds with milliseconds, at the **end** of the request),
//! `method`, `uri`, `status`, `bytes_sent`, `request_time`, `upstream_connect_time`, `upstream_header_time`,
//! `upstream_response_time`, `upstream_cache_status`, `connection_requests`, `server_timing`; others are passed over.
//!
//! nginx keeps times in whole milliseconds, cut and not rounded, and takes its clock once per round of its event loop:
//! a single time may be 1 ms too small, a 0.4 ms request reads 0, and means over many requests below 5 ms say little.
//! On a retry the upstream times are a list (`0.001, 0.002`, or `:` between groups); they are summed.

mod line;
mod route;
mod sum;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use kneepoint_model::proxy::AccessSummary;
use kneepoint_model::run::RunError;
use kneepoint_model::units::UnixMillis;

use sum::Sums;

/// A line longer than this is not a log line of ours.
const MAX_LINE: usize = 64 * 1024;

/// Sums the lines whose request ended in `from ≤ end < until`. A line that cannot be read is counted as garbage, and
/// the one at the end that is still being written is among them.
pub fn summarise<L: AsRef<[u8]>>(
    lines: impl IntoIterator<Item = L>,
    from: UnixMillis,
    until: UnixMillis,
) -> AccessSummary {
    let mut sums = Sums::new(from, until);
    for line in lines {
        sums.line(line.as_ref());
    }
    sums.finish()
}

/// As [`summarise`], reading a file line by line; bounded memory however long the log.
pub fn read(path: &Path, from: UnixMillis, until: UnixMillis) -> Result<AccessSummary, RunError> {
    let fail = |source| RunError::Io { action: "read", path: path.to_owned(), source };
    let mut file = BufReader::with_capacity(1 << 18, File::open(path).map_err(fail)?);
    let mut sums = Sums::new(from, until);
    let mut line = Vec::new();
    loop {
        line.clear();
        let n = std::io::Read::take(&mut file, MAX_LINE as u64).read_until(b'\n', &mut line).map_err(fail)?;
        if n == 0 {
            return Ok(sums.finish());
        }
        sums.line(line.strip_suffix(b"\n").unwrap_or(&line));
    }
}
