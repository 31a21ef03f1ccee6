//! `GET /debug/pprof/profile?seconds=10&hz=20`: a CPU profile of this process, as gzipped pprof protobuf.
//!
//! What a reader must know, and the profile itself says in its comments:
//! - Stacks are walked by frame pointers, which is safe in a signal handler where the DWARF unwinder is known to crash.
//!   The price: the walk begins at the return address of the innermost frame, so the *innermost function is missing* and
//!   its time shows at its caller; a C library without frame pointers may cut a stack short.
//! - No blocklist: it would drop every sample in libc (write, malloc), about a third of a server's time.
//! - The rate ends at 99 Hz. The timer ticks with the kernel, and beyond some 170 samples a second CPU time would be
//!   under-reported. `true_cpu_ns` is what the kernel charged us in the same window; readers scale the samples to it.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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

use crate::answer::Refusal;
use crate::routes::Shared;

const SECONDS: (u32, u32) = (10, 120);
const HZ: (i32, i32) = (20, 99);

/// Room for one profile at a time, since the timer belongs to the process.
#[derive(Clone, Default)]
pub(crate) struct ProfileSlot(Arc<AtomicBool>);

/// Held while a profile is taken; given back also when the asker hangs up.
struct Taken(ProfileSlot);

impl ProfileSlot {
    fn take(&self) -> Result<Taken, Refusal> {
        if self.0.swap(true, Ordering::AcqRel) {
            Err(Refusal::ProfileRunning)
        } else {
            Ok(Taken(self.clone()))
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Release);
    }
}

#[derive(Deserialize)]
pub(crate) struct ProfileQuery {
    seconds: Option<u32>,
    hz: Option<i32>,
}

impl ProfileQuery {
    fn checked(&self) -> Result<(Duration, i32), Refusal> {
        let (seconds, hz) = (self.seconds.unwrap_or(SECONDS.0), self.hz.unwrap_or(HZ.0));
        if !(1..=SECONDS.1).contains(&seconds) {
            return Err(Refusal::BadRequest(format!("seconds must be from 1 to {}", SECONDS.1)));
        }
        if !(1..=HZ.1).contains(&hz) {
            return Err(Refusal::BadRequest(format!("hz must be from 1 to {}", HZ.1)));
        }
        Ok((Duration::from_secs(seconds.into()), hz))
    }
}

pub(crate) async fn profile(
    State(shared): State<Shared>,
    query: Result<Query<ProfileQuery>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(query) = query.map_err(|reason| Refusal::BadRequest(reason.body_text()))?;
    let (window, hz) = query.checked()?;
    let taken = shared.profile.take()?;
    let cpu_before = process_cpu();
    let guard = ProfilerGuardBuilder::default().frequency(hz).build().map_err(|fault| refuse(&fault))?;
    tokio::time::sleep(window).await;
    let true_cpu = process_cpu().saturating_sub(cpu_before);
    // Looking up names takes some tens of milliseconds of CPU.
    let work = tokio::task::spawn_blocking(move || {
        let _taken = taken;
        finish(&guard, true_cpu)
    });
    work.await.map_err(|_| Refusal::Internal)?
}

fn finish(guard: &ProfilerGuard<'_>, true_cpu: Duration) -> Result<Response, Refusal> {
    let report = guard.report().build().map_err(|fault| refuse(&fault))?;
    let samples: isize = report.data.values().sum();
    let mut profile = report.pprof().map_err(|fault| refuse(&fault))?;
    comment(&mut profile, "unwinder=frame-pointer: the innermost function of each stack is missing");
    comment(&mut profile, &format!("true_cpu_ns={}", true_cpu.as_nanos()));
    comment(&mut profile, &format!("samples={samples}"));
    let body = gzip(&profile.encode_to_vec()).map_err(|_| Refusal::Internal)?;
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

/// Adds a remark of the format's own kind: `go tool pprof -comments` shows it.
fn comment(profile: &mut Profile, text: &str) {
    profile.comment.push(profile.string_table.len() as i64);
    profile.string_table.push(text.to_owned());
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// CPU time of all threads of this process so far.
fn process_cpu() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}

fn refuse(fault: &pprof::Error) -> Refusal {
    // Another part of the same process may profile it; the slot is only ours.
    if matches!(fault, pprof::Error::Running) { Refusal::ProfileRunning } else { Refusal::Internal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_and_the_rate_have_bounds() {
        let checked = |seconds, hz| ProfileQuery { seconds, hz }.checked().ok();
        assert_eq!(checked(None, None), Some((Duration::from_secs(10), 20)));
        assert_eq!(checked(Some(120), Some(99)), Some((Duration::from_mins(2), 99)));
        assert_eq!(
            [
                checked(Some(0), None),
                checked(Some(121), None),
                checked(None, Some(0)),
                checked(None, Some(100))
            ],
            [None; 4]
        );
    }

    #[test]
    fn one_profile_at_a_time() {
        let slot = ProfileSlot::default();
        let taken = slot.take();
        assert!(taken.is_ok() && slot.take().is_err());
        drop(taken);
        assert!(slot.take().is_ok());
    }
}
