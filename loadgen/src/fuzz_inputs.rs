//! Fuzz helper: deterministic mutations of valid inputs.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Bytes that parsers treat in a special way.
const DELIMITERS: &[u8] = b"\r\n:;,= \t\0\"'<>!-/&#?%0123456789abcdefxGHT.\xff";

/// Fewer without optimisation, so that the tests of the crate stay quick.
const DEFAULT_INPUTS: u64 = if cfg!(debug_assertions) { 2_000 } else { 100_000 };

/// Calls `check` with many mutations, always the same ones, and returns how many: `KNEEPOINT_FUZZ_INPUTS`, or 100,000 in a release
/// build.
pub(crate) fn for_each_mutation(seeds: &[&[u8]], mut check: impl FnMut(&[u8], &mut ChaCha8Rng)) -> u64 {
    let inputs = input_count();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for _ in 0..inputs {
        let mutated = mutate(&mut rng, seeds);
        check(&mutated, &mut rng);
    }
    inputs
}

fn input_count() -> u64 {
    match std::env::var("KNEEPOINT_FUZZ_INPUTS") {
        Ok(text) => text.parse().expect("KNEEPOINT_FUZZ_INPUTS must be a number, e.g. 1000000"),
        Err(_) => DEFAULT_INPUTS,
    }
}

/// One of the seeds with up to five bytes truncated, inserted, removed or replaced.
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
