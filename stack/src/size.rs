//! How much data the bookstore holds.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The scale of the seed data. One seed number and one size always give the same rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Size {
    /// Small: seconds to make, enough to see every effect but those of large tables.
    #[default]
    S,
    /// Medium.
    M,
    /// Large.
    L,
}

impl Size {
    /// The name used in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::M => "M",
            Self::L => "L",
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "S" | "s" => Ok(Self::S),
            "M" | "m" => Ok(Self::M),
            "L" | "l" => Ok(Self::L),
            other => Err(format!("`{other}` is not a size; use S, M or L")),
        }
    }
}
