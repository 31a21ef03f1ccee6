//! speedscope's JSON: one file with one tab per profile. Source: speedscope.app/file-format-schema.json.

use std::collections::HashMap;

use kneepoint_model::profile::{FoldedProfile, ProfileUnit, ProfileView};
use serde_json::{Value, json};

use super::total_weight;

/// Renders all profiles into one file, in the given order; deterministic.
pub fn render(name: &str, profiles: &[&FoldedProfile]) -> String {
    let (mut frames, mut index) = (Vec::<Value>::new(), HashMap::<String, usize>::new());
    let tabs: Vec<Value> = profiles.iter().map(|profile| tab(profile, &mut frames, &mut index)).collect();
    let file = json!({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "exporter": concat!("kneepoint ", env!("CARGO_PKG_VERSION")),
        "name": name,
        "activeProfileIndex": 0,
        "shared": { "frames": frames },
        "profiles": tabs,
    });
    let mut text = file.to_string();
    text.push('\n');
    text
}

fn tab(profile: &FoldedProfile, frames: &mut Vec<Value>, index: &mut HashMap<String, usize>) -> Value {
    let (mut samples, mut weights) = (Vec::new(), Vec::new());
    for (stack, weight) in &profile.stacks {
        let ids: Vec<usize> = stack
            .split(';')
            .map(|name| {
                *index.entry(name.to_owned()).or_insert_with(|| {
                    frames.push(json!({ "name": name }));
                    frames.len() - 1
                })
            })
            .collect();
        samples.push(ids);
        weights.push(*weight);
    }
    let view = match profile.view {
        ProfileView::Running => "running",
        ProfileView::Wall => "wall",
        ProfileView::Gil => "gil",
    };
    json!({
        "type": "sampled",
        "name": format!("{} ({view})", profile.tier),
        "unit": if profile.unit == ProfileUnit::Samples { "none" } else { "nanoseconds" },
        "startValue": 0,
        "endValue": total_weight(profile),
        "samples": samples,
        "weights": weights,
    })
}
