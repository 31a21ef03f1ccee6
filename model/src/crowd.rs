//! How many users there are, and when: the closed model's answer to the stages of the open one. Pure.
//!
//! Users are numbered from 1. At each moment those up to the wanted number are there; whoever is above it stays at home until
//! their turn comes (again). When that is follows in closed form from the stages.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schedule::{LoadStage, SHORTEST, StageError};
use crate::units::{Micros, Span};

/// More users than this are a mistake.
const MOST: u32 = 100_000;

/// A stretch of a closed phase in which the number of users goes evenly from one value to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserStage {
    /// Users at its beginning.
    pub users_from: u32,
    /// Users at its end.
    pub users_to: u32,
    /// How long it lasts.
    pub length_us: Micros,
}

/// A stage of users that is not one, with a valid example.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {why}; write `hold 20 users for 30s` or `ramp 0 to 20 users over 1m`")]
pub struct UserStageError {
    text: String,
    why: &'static str,
}

impl UserStage {
    /// The length.
    pub const fn length(&self) -> Duration {
        Duration::from_micros(self.length_us.0)
    }

    /// The larger number of users.
    pub fn peak(&self) -> u32 {
        self.users_from.max(self.users_to)
    }

    /// Users after a share (0 to 1) of its length. A user who is half there is not there.
    fn at(&self, share: f64) -> u32 {
        let (from, to) = (f64::from(self.users_from), f64::from(self.users_to));
        // A hair more, so that the user whose turn was computed is there at that very moment.
        (share.clamp(0.0, 1.0).mul_add(to - from, from) + 1e-6).floor() as u32
    }

    /// The earliest share of its length, from `share` on, at which there are `wanted` users.
    fn when(&self, wanted: u32, share: f64) -> Option<f64> {
        if self.at(share) >= wanted {
            return Some(share);
        }
        if self.users_to < wanted || self.users_to <= self.users_from {
            return None;
        }
        let (from, to) = (f64::from(self.users_from), f64::from(self.users_to));
        Some(((f64::from(wanted) - from) / (to - from)).max(share))
    }
}

impl FromStr for UserStage {
    type Err = UserStageError;

    /// `hold 20 users for 30s`, `ramp 0 to 20 users over 1m`.
    fn from_str(text: &str) -> Result<Self, UserStageError> {
        let refuse = |why| UserStageError { text: text.to_owned(), why };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (from, to, length) = match words.as_slice() {
            ["hold", users, "users" | "user", "for", length] => (*users, *users, *length),
            ["ramp", from, "to", to, "users" | "user", "over", length] => (*from, *to, *length),
            _ => return Err(refuse("is not a stage of users")),
        };
        let users = |text: &str| {
            let number = text.parse().ok().filter(|number| *number <= MOST);
            number.ok_or_else(|| refuse("has a number of users that is not one (0 to 100000)"))
        };
        let length = length.parse::<Span>().ok().filter(|length| length.0 >= SHORTEST);
        let Span(length) = length.ok_or_else(|| refuse("has a length that is not one (1ms to 24 hours)"))?;
        Ok(Self { users_from: users(from)?, users_to: users(to)?, length_us: Micros::from_duration(length) })
    }
}

impl fmt::Display for UserStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.length().as_secs_f64();
        if self.users_from == self.users_to {
            write!(f, "hold {} users for {seconds}s", self.users_from)
        } else {
            write!(f, "ramp {} to {} users over {seconds}s", self.users_from, self.users_to)
        }
    }
}

/// A stage of either model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AnyStage {
    /// Of the open model.
    Rate(LoadStage),
    /// Of the closed model.
    Users(UserStage),
}

impl AnyStage {
    /// The length.
    pub const fn length(&self) -> Duration {
        match self {
            Self::Rate(stage) => stage.length(),
            Self::Users(stage) => stage.length(),
        }
    }
}

/// A stage of neither model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub enum AnyStageError {
    /// It looks like one of the open model.
    Rate(#[from] StageError),
    /// It looks like one of the closed model.
    Users(#[from] UserStageError),
}

impl FromStr for AnyStage {
    type Err = AnyStageError;

    fn from_str(text: &str) -> Result<Self, AnyStageError> {
        if text.contains("user") { Ok(Self::Users(text.parse()?)) } else { Ok(Self::Rate(text.parse()?)) }
    }
}

impl fmt::Display for AnyStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(stage) => stage.fmt(f),
            Self::Users(stage) => stage.fmt(f),
        }
    }
}

/// Who is there when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crowd(Vec<UserStage>);

impl Crowd {
    /// One stage after the other.
    pub const fn new(stages: Vec<UserStage>) -> Self {
        Self(stages)
    }

    /// When user number `user` is there, at `since` or later after the start; `None` when never again.
    pub fn turn(&self, user: u32, since: Duration) -> Option<Duration> {
        let mut starts = Duration::ZERO;
        for stage in self.0.iter().filter(|stage| stage.length_us.0 > 0) {
            let ends = starts + stage.length();
            if since < ends {
                let into = since.saturating_sub(starts);
                let share = into.as_secs_f64() / stage.length().as_secs_f64();
                // Who would come at its very end comes with the next stage, if there is one that wants them.
                if let Some(share) = stage.when(user, share).filter(|share| *share < 1.0) {
                    let turn = starts + stage.length().mul_f64(share);
                    return Some(turn.max(since));
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

    fn crowd(stages: &[&str]) -> Crowd {
        Crowd::new(stages.iter().map(|text| text.parse().expect("a stage")).collect())
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn users_come_evenly_go_evenly_and_come_back() {
        let crowd =
            crowd(&["ramp 0 to 10 users over 10s", "ramp 10 to 0 users over 10s", "hold 3 users for 5s"]);
        assert_eq!(crowd.turn(1, Duration::ZERO), Some(seconds(1.0)));
        assert_eq!(crowd.turn(10, Duration::ZERO), Some(seconds(10.0)));
        assert_eq!(crowd.turn(11, Duration::ZERO), None);
        // Number 3 is there until seven tenths of the way down, and again at 20 s.
        assert_eq!(crowd.turn(3, seconds(16.9)), Some(seconds(16.9)));
        assert_eq!(crowd.turn(3, seconds(17.1)), Some(seconds(20.0)));
        assert_eq!(crowd.turn(4, seconds(17.0)), None);
        assert_eq!(crowd.turn(3, seconds(25.0)), None);
    }

    #[test]
    fn stages_are_read_and_written() {
        for text in ["hold 20 users for 30s", "ramp 0 to 20 users over 60s"] {
            let stage: UserStage = text.parse().expect("a stage");
            assert_eq!(text.parse(), Ok(AnyStage::Users(stage)));
            assert_eq!(stage.to_string(), text);
            let json = serde_json::to_string(&AnyStage::Users(stage)).expect("json");
            assert_eq!(serde_json::from_str::<AnyStage>(&json).expect("json"), AnyStage::Users(stage));
        }
        for text in [
            "",
            "hold 20/s for 3s",
            "hold x users for 3s",
            "ramp 1 to 100001 users over 3s",
            "hold 2 users for 0s",
        ] {
            let error = text.parse::<UserStage>().expect_err(text).to_string();
            assert!(error.contains("write `hold 20 users for 30s`"), "{error}");
        }
        let rate: AnyStage = "hold 5/s for 1s".parse().expect("a stage");
        assert_eq!(rate, AnyStage::Rate("hold 5/s for 1s".parse().expect("a stage")));
        let json = serde_json::to_string(&rate).expect("json");
        assert_eq!(serde_json::from_str::<AnyStage>(&json).expect("json"), rate);
    }

    proptest! {
        #[test]
        fn at_their_turn_they_are_there(from in 0u32..50, to in 0u32..50, user in 1u32..50, since in 0f64..20.0) {
            let stage = |a, b| UserStage { users_from: a, users_to: b, length_us: Micros(10_000_000) };
            let stages = [stage(from, to), stage(to, from)];
            let crowd = Crowd::new(stages.to_vec());
            let since = Duration::from_secs_f64(since);
            let place = |at: Duration| {
                let seconds = at.as_secs_f64();
                if seconds < 10.0 { (0, seconds) } else { (1, seconds - 10.0) }
            };
            match crowd.turn(user, since) {
                Some(turn) => {
                    prop_assert!(turn >= since);
                    prop_assert_eq!(crowd.turn(user, turn), Some(turn));
                    let (own, within) = place(turn);
                    let reached = stages[own].at(within / 10.0);
                    prop_assert!(reached >= user, "{} of {} at {:?}", reached, user, turn);
                }
                None => {
                    for part in 0..50 {
                        let at = since + Duration::from_secs(20).saturating_sub(since).mul_f64(f64::from(part) / 50.0);
                        let (own, within) = place(at);
                        if since < Duration::from_secs(20) {
                            prop_assert!(stages[own].at(within / 10.0) < user, "at {:?}", at);
                        }
                    }
                }
            }
        }
    }
}
