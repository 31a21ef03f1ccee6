//! The flame graph as one SVG file with search and zoom, by inferno; deterministic.
//!
//! Names are escaped by inferno's XML writer; a test covers untrusted names. A page that shows several graphs needs
//! one frame or data URL for each, because the script finds its parts by fixed ids.

use inferno::flamegraph::{Options, TextTruncateDirection, from_lines};
use kneepoint_model::profile::{FoldedProfile, ProfileSource, ProfileUnit, ProfileView};

use super::{folded, is_idle, palette, total_weight, unit_name};

/// Renders the graph; an idle profile gives a small picture with a note.
pub fn render(profile: &FoldedProfile) -> std::io::Result<String> {
    if is_idle(profile) {
        return Ok(idle_picture(&title(profile), &subtitle(profile)));
    }
    let merged = profile.source == ProfileSource::Merged;
    let mut colours = if merged { palette::merged_palette(profile) } else { palette::tier_palette(profile) };
    let mut options = Options::default();
    options.title = title(profile);
    options.subtitle = Some(subtitle(profile));
    unit_name(profile.unit).clone_into(&mut options.count_name);
    // Nanoseconds are shown as milliseconds.
    options.factor = if profile.unit == ProfileUnit::Samples { 1.0 } else { 1e-6 };
    options.palette_map = Some(&mut colours);
    options.deterministic = true;
    options.text_truncate_direction = TextTruncateDirection::Right;
    "sans-serif".clone_into(&mut options.font_type);
    options.min_width = 0.02;
    let text = folded::render(profile);
    let mut svg = Vec::new();
    from_lines(&mut options, text.lines(), &mut svg)?;
    String::from_utf8(svg).map_err(std::io::Error::other)
}

/// For example `server: running (py-spy)`.
fn title(profile: &FoldedProfile) -> String {
    let view = match profile.view {
        ProfileView::Running => "running",
        ProfileView::Wall => "wall",
        ProfileView::Gil => "holding the GIL",
    };
    match profile.source {
        ProfileSource::Merged => "all tiers, CPU side by side".to_owned(),
        source => format!("{}: {view} ({})", profile.tier, source_name(source)),
    }
}

fn subtitle(profile: &FoldedProfile) -> String {
    let facts = &profile.facts;
    let seconds = facts.duration_ms as f64 / 1e3;
    let weight = match profile.unit {
        ProfileUnit::Samples => String::new(),
        unit => format!(", {:.0} {}", total_weight(profile) as f64 / 1e6, unit_name(unit)),
    };
    let expected = facts.expected_samples.map(|n| format!(" of {n} expected")).unwrap_or_default();
    let samples = facts.samples;
    format!("{samples} samples{expected}{weight}, {seconds:.1} s at {} Hz", facts.hz)
}

/// Name of a source for the report.
pub(crate) const fn source_name(source: ProfileSource) -> &'static str {
    match source {
        ProfileSource::PySpy => "py-spy",
        ProfileSource::Perf => "perf",
        ProfileSource::PprofHttp => "pprof endpoint",
        ProfileSource::PprofSelf => "pprof, own process",
        ProfileSource::Merged => "merged",
    }
}

/// Title and subtitle contain no untrusted text, so nothing needs escaping.
fn idle_picture(title: &str, subtitle: &str) -> String {
    format!(
        "<?xml version=\"1.0\" standalone=\"no\"?>\n\
         <svg version=\"1.1\" width=\"1200\" height=\"90\" viewBox=\"0 0 1200 90\" xmlns=\"http://www.w3.org/2000/svg\">\n\
         <rect width=\"1200\" height=\"90\" fill=\"#f4f4f4\"/>\n\
         <text x=\"600\" y=\"28\" text-anchor=\"middle\" font-family=\"sans-serif\" font-size=\"17\">{title}</text>\n\
         <text x=\"600\" y=\"50\" text-anchor=\"middle\" font-family=\"sans-serif\" font-size=\"12\">{subtitle}</text>\n\
         <text x=\"600\" y=\"74\" text-anchor=\"middle\" font-family=\"sans-serif\" font-size=\"14\">idle: no sample was taken in this window</text>\n\
         </svg>\n"
    )
}
