//! The number of active users over the length of a closed phase, and when each user is active. Pure.
//!
//! Users are numbered from 1. At each moment those up to the wanted number are active; the others wait until the number is high
//! enough (again). That moment follows in closed form from the segments.

use std::time::Duration;

use crate::load_segment::UserSegment;

/// Which users are active at which time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSchedule(Vec<UserSegment>);

impl UserSchedule {
    /// The segments follow each other without a gap.
    pub const fn new(segments: Vec<UserSegment>) -> Self {
        Self(segments)
    }

    /// The first time after the start, `since` or later, at which user number `user` is active; `None` when it never is again.
    pub fn next_active(&self, user: u32, since: Duration) -> Option<Duration> {
        let mut starts = Duration::ZERO;
        for segment in self.0.iter().filter(|segment| segment.length_us.0 > 0) {
            let ends = starts + segment.length();
            if since < ends {
                let into = since.saturating_sub(starts);
                let share = into.as_secs_f64() / segment.length().as_secs_f64();
                // A user that becomes active at its very end starts with the next segment, if that needs it.
                if let Some(share) = segment.share_with_users(user, share).filter(|share| *share < 1.0) {
                    let active = starts + segment.length().mul_f64(share);
                    return Some(active.max(since));
                }
            }
            starts = ends;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::Micros;

    fn schedule(segments: &[&str]) -> UserSchedule {
        UserSchedule::new(segments.iter().map(|text| text.parse().expect("a segment")).collect())
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn users_start_evenly_stop_evenly_and_start_again() {
        let schedule =
            schedule(&["ramp 0 to 10 users over 10s", "ramp 10 to 0 users over 10s", "hold 3 users for 5s"]);
        assert_eq!(schedule.next_active(1, Duration::ZERO), Some(seconds(1.0)));
        assert_eq!(schedule.next_active(10, Duration::ZERO), Some(seconds(10.0)));
        assert_eq!(schedule.next_active(11, Duration::ZERO), None);
        // Number 3 is active until seven tenths of the way down, and again at 20 s.
        assert_eq!(schedule.next_active(3, seconds(16.9)), Some(seconds(16.9)));
        assert_eq!(schedule.next_active(3, seconds(17.1)), Some(seconds(20.0)));
        assert_eq!(schedule.next_active(4, seconds(17.0)), None);
        assert_eq!(schedule.next_active(3, seconds(25.0)), None);
    }

    proptest! {
        #[test]
        fn users_are_active_at_the_time_that_was_computed(from in 0u32..50, to in 0u32..50, user in 1u32..50, since in 0f64..20.0) {
            let segment = |a, b| UserSegment { users_from: a, users_to: b, length_us: Micros(10_000_000) };
            let segments = [segment(from, to), segment(to, from)];
            let schedule = UserSchedule::new(segments.to_vec());
            let since = Duration::from_secs_f64(since);
            let locate = |at: Duration| {
                let seconds = at.as_secs_f64();
                if seconds < 10.0 { (0, seconds) } else { (1, seconds - 10.0) }
            };
            match schedule.next_active(user, since) {
                Some(active) => {
                    prop_assert!(active >= since);
                    prop_assert_eq!(schedule.next_active(user, active), Some(active));
                    let (index, within) = locate(active);
                    let reached = segments[index].users_at(within / 10.0);
                    prop_assert!(reached >= user, "{} of {} at {:?}", reached, user, active);
                }
                None => {
                    for part in 0..50 {
                        let at = since + Duration::from_secs(20).saturating_sub(since).mul_f64(f64::from(part) / 50.0);
                        let (index, within) = locate(at);
                        if since < Duration::from_secs(20) {
                            prop_assert!(segments[index].users_at(within / 10.0) < user, "at {:?}", at);
                        }
                    }
                }
            }
        }
    }
}
