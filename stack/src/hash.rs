//! A stable name for content: 128-bit FNV-1a, by its published constants, since the standard library's hasher may change
//! with a compiler. It names caches; it does not protect against somebody who makes collisions on purpose.
//!
//! Source: the FNV specification (offset basis and prime for 128 bits).

const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// Takes bytes, gives a name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ContentHash(u128);

impl ContentHash {
    /// Of nothing.
    pub(crate) const fn new() -> Self {
        Self(OFFSET)
    }

    /// Adds a part. Its length goes in first, so that parts cannot run into each other.
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
    fn parts_do_not_run_into_each_other() {
        let of = |parts: &[&str]| {
            parts.iter().fold(ContentHash::new(), |hash, part| hash.part(part.as_bytes())).short()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["a", ""]), of(&["a"]));
        assert_eq!(of(&["ab", "c"]), of(&["ab", "c"]));
        assert_eq!(of(&["x"]).len(), 16);
    }

    #[test]
    fn the_names_of_existing_caches_stay() {
        // Computed with another language from the specification; changing it throws away every user's prepared stack.
        assert_eq!(ContentHash::new().part(b"kneepoint").short(), "952e3f547024700c");
    }
}
