//! For tests that read what strangers send: inputs that are nearly right.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Bytes that parsers are sensitive to.
const SHARP: &[u8] = b"\r\n:;,= \t\0\"'<>!-/&#?%0123456789abcdefxGHT.\xff";

/// Always the same inputs, a million of them: `each` is told one, and has the source of chance too.
pub(crate) fn a_million(seeds: &[&[u8]], mut each: impl FnMut(&[u8], &mut ChaCha8Rng)) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for _ in 0..1_000_000 {
        let bent = bend(&mut rng, seeds);
        each(&bent, &mut rng);
    }
}

/// One of the seeds with up to five bytes cut off, put in, left out or changed.
fn bend(rng: &mut ChaCha8Rng, seeds: &[&[u8]]) -> Vec<u8> {
    let mut bent = seeds[rng.random_range(0..seeds.len())].to_vec();
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..=bent.len());
        match rng.random_range(0..4) {
            0 => bent.truncate(at.max(1)),
            1 => bent.insert(at, SHARP[rng.random_range(0..SHARP.len())]),
            2 if at < bent.len() => drop(bent.remove(at)),
            _ => {
                if let Some(byte) = bent.get_mut(at) {
                    *byte = SHARP[rng.random_range(0..SHARP.len())];
                }
            }
        }
    }
    bent
}
