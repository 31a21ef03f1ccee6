//! Comparing versions of programs by their numbers.

/// Whether `version` (`1.27.4`) is `minimum` or later. Parts that are missing or not numbers count as 0.
pub(crate) fn is_at_least(version: &str, minimum: (u32, u32, u32)) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next()) >= minimum
}
