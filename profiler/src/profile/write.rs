//! Writes every form of every profile, and the index.

use kneepoint_model::profile::{FoldedProfile, ProfileEntry, ProfileSource, ProfileView};
use kneepoint_model::run::{RunError, RunFolder, names};

use crate::export::{folded, pprof, speedscope, svg, top_self};

/// Leaf functions named in the index.
const TOP: usize = 10;

/// Writes one profile's files and gives its entry; `tabs` are the profiles of its speedscope file.
pub(super) fn files(
    run: &RunFolder,
    profile: &FoldedProfile,
    tabs: &[&FoldedProfile],
) -> Result<ProfileEntry, RunError> {
    let name = stem(profile);
    let stem = format!("{}/{name}", names::PROFILES);
    let made = |form: &str, source: std::io::Error| RunError::Io {
        action: "make",
        path: run.path(&format!("{stem}.{form}")),
        source,
    };
    let picture = svg::render(profile).map_err(|source| made("svg", source))?;
    let packed = pprof::render(profile).map_err(|source| made("pb.gz", source))?;
    run.write(&format!("{stem}.folded"), folded::render(profile).as_bytes())?;
    run.write(&format!("{stem}.svg"), picture.as_bytes())?;
    run.write(&format!("{stem}.pb.gz"), &packed)?;
    run.write(&format!("{stem}.speedscope.json"), speedscope::render(&name, tabs).as_bytes())?;
    Ok(ProfileEntry {
        tier: profile.tier,
        source: profile.source,
        view: profile.view,
        unit: profile.unit,
        file: name,
        facts: profile.facts.clone(),
        top_self: top_self(profile, TOP),
    })
}

/// `server-running`, `merged`: relative to `profiles/`.
fn stem(profile: &FoldedProfile) -> String {
    if profile.source == ProfileSource::Merged {
        return "merged".to_owned();
    }
    let view = match profile.view {
        ProfileView::Running => "running",
        ProfileView::Wall => "wall",
        ProfileView::Gil => "gil",
    };
    format!("{}-{view}", profile.tier)
}
