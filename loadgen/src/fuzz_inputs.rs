//! For tests that read what strangers send: inputs that are nearly right.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Bytes that parsers are sensitive to.
const DELIMITERS: &[u8] = b"\r\n:;,= \t\0\"'<>!-/&#?%0123456789abcdefxGHT.\xff";

/// Always the same inputs, a million of them: `each` is told one, and has the source of chance too.
pub(crate) fn for_each_mutation(seeds: &[&[u8]], mut each: impl FnMut(&[u8], &mut ChaCha8Rng)) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for _ in 0..1_000_000 {
        let mutated = mutate(&mut rng, seeds);
        each(&mutated, &mut rng);
    }
}

/// One of the seeds with up to five bytes cut off, put in, left out or changed.
fn mutate(rng: &mut ChaCha8Rng, seeds: &[&[u8]]) -> Vec<u8> {
    let mut mutated = seeds[rng.random_range(0..seeds.len())].to_vec();
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..=mutated.len());
        match rng.random_range(0..4) {
            0 => mutated.truncate(at.max(1)),
            1 => mutated.insert(at, DELIMITERS[rng.random_range(0..DELIMITERS.len())]),
            2 if at < mutated.len() => drop(mutated.remove(at)),
            _ => {
                if let Some(byte) = mutated.get_mut(at) {
                    *byte = DELIMITERS[rng.random_range(0..DELIMITERS.len())];
                }
            }
        }
    }
    mutated
}
