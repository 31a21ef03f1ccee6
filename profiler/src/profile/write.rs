//! Writes every format of every profile, and the index.

use kneepoint_model::profile::{FoldedProfile, ProfileEntry, ProfileSource, ProfileView};
use kneepoint_model::run::{RunError, RunFolder, names};

use crate::export::{folded, pprof, speedscope, svg, top_self};

/// Most leaf functions in the index.
const TOP_FUNCTIONS: usize = 10;

/// Writes the files of one profile and returns its index entry; `tabs` are the profiles in its speedscope file.
pub(super) fn write_files(
    run: &RunFolder,
    profile: &FoldedProfile,
    tabs: &[&FoldedProfile],
) -> Result<ProfileEntry, RunError> {
    let name = file_stem(profile);
    let (flame_graph, pprof) = (names::flame_graph(&name), names::pprof(&name));
    let render_error =
        |file: &str, source: std::io::Error| RunError::Io { action: "make", path: run.path(file), source };
    let picture = svg::render(profile).map_err(|source| render_error(&flame_graph, source))?;
    let packed = pprof::render(profile).map_err(|source| render_error(&pprof, source))?;
    run.write(&names::folded(&name), folded::render(profile).as_bytes())?;
    run.write(&flame_graph, picture.as_bytes())?;
    run.write(&pprof, &packed)?;
    run.write(&names::speedscope(&name), speedscope::render(&name, tabs).as_bytes())?;
    Ok(ProfileEntry {
        tier: profile.tier,
        source: profile.source,
        view: profile.view,
        unit: profile.unit,
        file: name,
        facts: profile.facts.clone(),
        top_self: top_self(profile, TOP_FUNCTIONS),
    })
}

/// File name without extension, relative to `profiles/`: `server-running`, `merged`.
fn file_stem(profile: &FoldedProfile) -> String {
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
