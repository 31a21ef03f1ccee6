//! A stable name for content: 128-bit FNV-1a, by its published constants, since the standard library's hasher may change
//! with a compiler. It names caches; it does not protect against deliberate collisions.
//!
//! Source: the FNV specification (offset basis and prime for 128 bits).

const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// Accumulates parts into a hash.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ContentHash(u128);

impl ContentHash {
    /// The hash of no parts.
    pub(crate) const fn new() -> Self {
        Self(OFFSET)
    }

    /// Adds a part, preceded by its length, so that different splits of the same bytes differ.
    pub(crate) fn part(mut self, bytes: &[u8]) -> Self {
        let length = (bytes.len() as u64).to_le_bytes();
        for byte in length.iter().chain(bytes) {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(PRIME);
        }
        self
    }

    /// Sixteen hexadecimal digits: enough for a handful of cache entries, short enough for a path.
    pub(crate) fn short(self) -> String {
        format!("{:016x}", (self.0 >> 64) as u64 ^ self.0 as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_splits_have_different_hashes() {
        let hash = |parts: &[&str]| {
            parts.iter().fold(ContentHash::new(), |hash, part| hash.part(part.as_bytes())).short()
        };
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_ne!(hash(&["a", ""]), hash(&["a"]));
        assert_eq!(hash(&["ab", "c"]), hash(&["ab", "c"]));
        assert_eq!(hash(&["x"]).len(), 16);
    }

    #[test]
    fn the_names_of_existing_caches_are_stable() {
        // Computed independently from the specification. Changing it invalidates every user's prepared stack.
        assert_eq!(ContentHash::new().part(b"kneepoint").short(), "952e3f547024700c");
    }
}
