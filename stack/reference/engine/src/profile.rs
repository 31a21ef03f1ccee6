//! `GET /debug/pprof/profile?seconds=10&hz=20`: a CPU profile of this process, as gzipped pprof protobuf.
//!
//! Limits of these profiles, which are also in the comments of each profile:
//! - Stacks are walked by frame pointers, which is safe in a signal handler; the DWARF unwinder is known to crash there.
//!   The walk begins at the return address of the innermost frame. Therefore the *innermost function is missing* and its
//!   time is attributed to its caller. A C library without frame pointers may cut a stack short.
//! - There is no blocklist: it would drop every sample in libc (write, malloc), about a third of a server's time.
//! - The highest rate is 99 Hz. The timer depends on the kernel's tick, and above about 170 samples a second CPU time would
//!   be under-reported. `true_cpu_ns` is the CPU time of the process in the same window by the kernel's accounting; tools
//!   scale the samples to it.

use std::io::{self, Write};
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use pprof::protos::{Message, Profile};
use pprof::{ProfilerGuard, ProfilerGuardBuilder};
use rustix::time::{ClockId, clock_gettime};
use serde::Deserialize;

use crate::request_error::RequestError;
use crate::state::EngineState;

/// Default and maximum.
const SECONDS: (u32, u32) = (10, 120);
/// Default and maximum.
const HZ: (i32, i32) = (20, 99);

#[derive(Deserialize)]
pub(crate) struct ProfileQuery {
    seconds: Option<u32>,
    hz: Option<i32>,
}

impl ProfileQuery {
    fn validate(&self) -> Result<(Duration, i32), RequestError> {
        let (seconds, hz) = (self.seconds.unwrap_or(SECONDS.0), self.hz.unwrap_or(HZ.0));
        if !(1..=SECONDS.1).contains(&seconds) {
            return Err(RequestError::BadRequest(format!("seconds must be from 1 to {}", SECONDS.1)));
        }
        if !(1..=HZ.1).contains(&hz) {
            return Err(RequestError::BadRequest(format!("hz must be from 1 to {}", HZ.1)));
        }
        Ok((Duration::from_secs(seconds.into()), hz))
    }
}

pub(crate) async fn get_profile(
    State(state): State<EngineState>,
    query: Result<Query<ProfileQuery>, QueryRejection>,
) -> Result<Response, RequestError> {
    let Query(query) = query.map_err(|reason| RequestError::BadRequest(reason.body_text()))?;
    let (window, hz) = query.validate()?;
    let permit = state.profile.acquire()?;
    let cpu_before = read_process_cpu();
    let guard =
        ProfilerGuardBuilder::default().frequency(hz).build().map_err(|error| convert_error(&error))?;
    tokio::time::sleep(window).await;
    let true_cpu = read_process_cpu().saturating_sub(cpu_before);
    // Resolving symbols takes some tens of milliseconds of CPU.
    let work = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        build_response(&guard, true_cpu)
    });
    work.await.map_err(|_| RequestError::Internal)?
}

fn build_response(guard: &ProfilerGuard<'_>, true_cpu: Duration) -> Result<Response, RequestError> {
    let report = guard.report().build().map_err(|error| convert_error(&error))?;
    let samples: isize = report.data.values().sum();
    let mut profile = report.pprof().map_err(|error| convert_error(&error))?;
    add_comment(&mut profile, "unwinder=frame-pointer: the innermost function of each stack is missing");
    add_comment(&mut profile, &format!("true_cpu_ns={}", true_cpu.as_nanos()));
    add_comment(&mut profile, &format!("samples={samples}"));
    let body = gzip(&profile.encode_to_vec()).map_err(|_| RequestError::Internal)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(
        HeaderName::from_static("x-profile-unwinder"),
        HeaderValue::from_static("frame-pointer; leaf=missing"),
    );
    headers.insert(HeaderName::from_static("x-profile-samples"), HeaderValue::from(samples as i64));
    headers.insert(
        HeaderName::from_static("x-profile-true-cpu-ns"),
        HeaderValue::from(true_cpu.as_nanos() as u64),
    );
    Ok((headers, body).into_response())
}

/// Adds a comment in the pprof format: `go tool pprof -comments` shows it.
fn add_comment(profile: &mut Profile, text: &str) {
    profile.comment.push(profile.string_table.len() as i64);
    profile.string_table.push(text.to_owned());
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// CPU time of all threads since the process started.
fn read_process_cpu() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}

fn convert_error(error: &pprof::Error) -> RequestError {
    // Other code in the same process may run the profiler without the slot.
    if matches!(error, pprof::Error::Running) { RequestError::ProfileRunning } else { RequestError::Internal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_and_the_rate_have_bounds() {
        let validate = |seconds, hz| ProfileQuery { seconds, hz }.validate().ok();
        assert_eq!(validate(None, None), Some((Duration::from_secs(10), 20)));
        assert_eq!(validate(Some(120), Some(99)), Some((Duration::from_mins(2), 99)));
        assert_eq!(
            [
                validate(Some(0), None),
                validate(Some(121), None),
                validate(None, Some(0)),
                validate(None, Some(100))
            ],
            [None; 4]
        );
    }
}
