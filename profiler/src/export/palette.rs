//! One colour per tier, the same in every graph; within a tier, frames differ in lightness.

use inferno::flamegraph::color::{Color, PaletteMap};
use kneepoint_model::profile::FoldedProfile;
use kneepoint_model::tier::Tier;

/// Base colour of a tier, light enough for black text.
const fn base_colour(tier: Tier) -> (u8, u8, u8) {
    match tier {
        Tier::Proxy => (120, 190, 120),
        Tier::Server => (115, 165, 225),
        Tier::Engine => (235, 150, 90),
        Tier::Db => (200, 150, 215),
        Tier::Cache => (215, 195, 90),
        Tier::Queue => (110, 195, 190),
        Tier::Objects => (190, 165, 140),
        Tier::Generator => (170, 170, 170),
        Tier::Host => (205, 205, 205),
    }
}

/// Colours of every frame of one tier's profile.
pub(super) fn tier_palette(profile: &FoldedProfile) -> PaletteMap {
    let mut map = PaletteMap::default();
    for frame in profile.stacks.keys().flat_map(|stack| stack.split(';')) {
        map.insert(frame, shade(profile.tier, frame));
    }
    map
}

/// Colours of a merged profile, whose stacks begin with the tier's name.
pub(super) fn merged_palette(profile: &FoldedProfile) -> PaletteMap {
    let mut map = PaletteMap::default();
    for stack in profile.stacks.keys() {
        let tier = stack.split(';').next().and_then(tier_by_name).unwrap_or(Tier::Host);
        for frame in stack.split(';') {
            map.insert(frame, shade(tier, frame));
        }
    }
    map
}

fn tier_by_name(name: &str) -> Option<Tier> {
    use Tier::{Cache, Db, Engine, Generator, Host, Objects, Proxy, Queue, Server};
    [Proxy, Server, Engine, Db, Cache, Queue, Objects, Generator, Host]
        .into_iter()
        .find(|tier| tier.name() == name)
}

/// FNV-1a over the name, as one of 24 steps of lightness: the same name has the same shade in every run.
fn shade(tier: Tier, frame: &str) -> Color {
    let hash = frame.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let lift = (hash % 24) as u8;
    let (r, g, b) = base_colour(tier);
    Color { r: r.saturating_add(lift), g: g.saturating_add(lift), b: b.saturating_add(lift) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tier_has_a_colour_of_its_own_that_is_never_dark() {
        let tiers = ["proxy", "server", "engine", "db", "cache", "queue", "objects", "generator", "host"];
        let mut seen = std::collections::BTreeSet::new();
        for tier in tiers.map(|name| tier_by_name(name).expect("a tier's own name")) {
            assert!(seen.insert(base_colour(tier)), "{tier}");
            for frame in 0..200 {
                let colour = shade(tier, &format!("f{frame}"));
                assert!(
                    u32::from(colour.r) + u32::from(colour.g) + u32::from(colour.b) > 400,
                    "{tier} {colour:?}"
                );
            }
        }
    }
}
