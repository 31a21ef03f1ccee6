//! The folded format: `root;…;leaf weight`, one stack per line, sorted. Source: Brendan Gregg's stackcollapse
//! scripts.

use std::collections::BTreeMap;

use kneepoint_model::profile::FoldedProfile;

/// Renders one line per stack.
pub fn render(profile: &FoldedProfile) -> String {
    let mut lines = String::new();
    for (stack, weight) in &profile.stacks {
        lines.push_str(stack);
        lines.push(' ');
        lines.push_str(&weight.to_string());
        lines.push('\n');
    }
    lines
}

/// Parses lines and sums equal stacks; also returns the number of invalid lines.
pub fn parse(text: &str) -> (BTreeMap<String, u64>, u64) {
    let (mut stacks, mut garbage) = (BTreeMap::new(), 0);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match line.rsplit_once(' ').map(|(stack, weight)| (stack, weight.parse::<u64>())) {
            Some((stack, Ok(weight))) if !stack.is_empty() => {
                let sum: &mut u64 = stacks.entry(stack.to_owned()).or_default();
                *sum = sum.saturating_add(weight);
            }
            _ => garbage += 1,
        }
    }
    (stacks, garbage)
}
