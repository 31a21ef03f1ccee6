//! How fast a slow user reads: when the next bytes may be read, and how many at once. Pure.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

/// Time between two reads, when there is always something to read. Lateness up to this is made up for.
const STEP: Duration = Duration::from_millis(20);
/// Steps that the receive buffer can hold: with fewer, the server could not keep the rate up between two reads.
const BUFFERED_STEPS: u32 = 4;
/// The smallest receive buffer, in bytes.
const MIN_BUFFER: u32 = 8 << 10;
/// 16 GiB a second; above it nothing is slow.
const MAX_RATE: u64 = 16 << 30;

/// Bytes per second that a connection reads, as they come over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadRate(NonZeroU64);

impl ReadRate {
    /// `None` for 0, and for more than 16 GiB a second.
    pub fn per_second(bytes: u64) -> Option<Self> {
        NonZeroU64::new(bytes).filter(|bytes| bytes.get() <= MAX_RATE).map(Self)
    }

    /// Bytes per second.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    fn time_for(self, bytes: usize) -> Duration {
        Duration::from_secs_f64(bytes as f64 / self.get() as f64)
    }

    fn bytes_in(self, time: Duration) -> f64 {
        self.get() as f64 * time.as_secs_f64()
    }

    /// Size of the receive buffer, in bytes.
    pub(super) fn buffer(self) -> u32 {
        (self.bytes_in(STEP * BUFFERED_STEPS) as u32).max(MIN_BUFFER)
    }
}

impl FromStr for ReadRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let no = || format!("`{}` is not a rate of bytes; write e.g. `64 KiB/s`", text.escape_debug());
        let amount = text.trim().strip_suffix("/s").ok_or_else(no)?.trim_end();
        let unit_at = amount.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(no)?;
        let number: f64 = amount[..unit_at].parse().map_err(|_| no())?;
        let unit = match amount[unit_at..].trim_start() {
            "B" => 1_u64,
            "kB" => 1_000,
            "KiB" => 1 << 10,
            "MB" => 1_000_000,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(no()),
        };
        Self::per_second((number * unit as f64) as u64).ok_or_else(no)
    }
}

impl fmt::Display for ReadRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            bytes if bytes % (1 << 20) == 0 => write!(f, "{} MiB/s", bytes >> 20),
            bytes if bytes % (1 << 10) == 0 => write!(f, "{} KiB/s", bytes >> 10),
            bytes => write!(f, "{bytes} B/s"),
        }
    }
}

/// When a connection may read. All times are since the same moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadPacer {
    rate: ReadRate,
    next: Duration,
}

impl ReadPacer {
    pub(super) const fn new(rate: ReadRate) -> Self {
        Self { rate, next: Duration::ZERO }
    }

    /// When the next bytes may be read.
    pub(super) const fn next_read(&self) -> Duration {
        self.next
    }

    /// Maximum of bytes per read.
    pub(super) fn max_read(&self) -> usize {
        (self.rate.bytes_in(STEP) as usize).max(1)
    }

    /// Records a read. Time in which nothing was read is not saved up, except for one step.
    pub(super) fn record_read(&mut self, now: Duration, bytes: usize) {
        self.next = self.next.max(now.saturating_sub(STEP)) + self.rate.time_for(bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(text: &str) -> ReadRate {
        text.parse().unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn rates_have_a_unit() {
        for (text, bytes) in
            [("64 KiB/s", 65_536), ("1.5MiB/s", 1_572_864), ("300 B/s", 300), ("2 kB/s", 2_000)]
        {
            assert_eq!(rate(text).get(), bytes, "{text}");
        }
        assert_eq!(
            [rate("64 KiB/s"), rate("3 MiB/s"), rate("100 B/s")].map(|rate| rate.to_string()),
            ["64 KiB/s", "3 MiB/s", "100 B/s"]
        );
        for bad in ["", "64", "64 KiB", "KiB/s", "0 B/s", "-1 B/s", "64 k/s", "1e9 B/s", "99999 GiB/s"] {
            assert!(bad.parse::<ReadRate>().expect_err(bad).contains("64 KiB/s"));
        }
    }

    /// Reads whenever it may, each time `late`, and returns when all bytes were read.
    fn time_to_read(rate: ReadRate, bytes: usize, late: Duration) -> Duration {
        let (mut pacer, mut left, mut now) = (ReadPacer::new(rate), bytes, Duration::ZERO);
        while left > 0 {
            now = now.max(pacer.next_read()) + late;
            let taken = pacer.max_read().min(left);
            pacer.record_read(now, taken);
            left -= taken;
        }
        now
    }

    #[test]
    fn the_bytes_of_a_second_take_a_second_even_when_every_read_is_late() {
        for late in [0, 1, 5] {
            let took = time_to_read(rate("64 KiB/s"), 65_536, Duration::from_millis(late));
            assert!(took > Duration::from_millis(950) && took < Duration::from_millis(1010), "{took:?}");
        }
    }

    #[test]
    fn time_spent_waiting_for_the_server_is_not_made_up_for() {
        let mut pacer = ReadPacer::new(rate("1 KiB/s"));
        pacer.record_read(Duration::ZERO, 10);
        pacer.record_read(Duration::from_secs(100), 1024);
        assert_eq!(pacer.next_read() + STEP, Duration::from_secs(101));
    }

    proptest! {
        #[test]
        fn never_faster_than_the_rate(per_second in 1_u64..10_000_000, reads in prop::collection::vec((0_u64..200, 1_usize..100_000), 1..60)) {
            let rate = ReadRate::per_second(per_second).expect("a rate");
            let (mut pacer, mut now, mut sum, mut last) = (ReadPacer::new(rate), Duration::ZERO, 0_usize, 0_usize);
            for (idle_ms, there) in reads {
                now = now.max(pacer.next_read()) + Duration::from_millis(idle_ms);
                last = pacer.max_read().min(there);
                pacer.record_read(now, last);
                sum += last;
            }
            // The last bytes are paid for afterwards; one step may have been made up for.
            let allowed = rate.bytes_in(now + STEP) + last as f64 + 1.0;
            prop_assert!(sum as f64 <= allowed, "{sum} bytes in {now:?}, {allowed} allowed");
        }
    }
}
