//! The size of the bookstore's data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The amount of generated data. The same seed and size always produce the same rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Size {
    /// Small: made in seconds, shows every effect except those of large tables.
    #[default]
    S,
    /// Medium: shows effects of tables that exceed small caches.
    M,
    /// Large: shows effects of large tables; takes minutes to make.
    L,
}

impl Size {
    /// As in file names and on the command line.
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
