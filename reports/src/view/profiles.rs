//! Profiles: a flame graph per tier, the frames with the highest self time, and the sampling accuracy.

use kneepoint_analysis::RunFacts;
use kneepoint_model::profile::{ProfileEntry, ProfileSource, ProfileView};
use kneepoint_model::run::names;
use kneepoint_model::text::sanitize;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, Ratio};

use crate::flame::{Flame, Framer, profile_view_label};
use crate::format::{count, safe_path, seconds};
use crate::view::block::{Block, Cell, Section, Table};

/// Sampling accuracy outside this range is highlighted.
const ACCURATE: std::ops::RangeInclusive<f64> = 0.8..=1.2;

pub(crate) fn build(facts: &RunFacts, flames: &[Flame]) -> Section {
    let entries: &[ProfileEntry] = facts.profiles.as_ref().map_or(&[], |index| &index.profiles);
    let mut blocks = Vec::new();
    if entries.is_empty() && flames.is_empty() {
        blocks.push(Block::missing("There are no profiles: the profile stage was not reached, not requested or not permitted (see section Method, Not measured)."));
    }
    if !entries.is_empty() {
        blocks.push(Block::Table(table(entries)));
    }
    if let Some(ratio) = facts.profiles.as_ref().and_then(|index| index.profiled_over_unprofiled) {
        blocks.push(Block::paragraph(format!("Throughput with profiling is {ratio} of the throughput without; the difference is the overhead of profiling.")));
    }
    let mut framer = Framer::default();
    for (index, flame) in flames.iter().enumerate() {
        let entry = entries.iter().find(|entry| entry.tier == flame.tier && entry.view == flame.view);
        let mut inner = vec![Block::Flame(framer.frame(flame, entry.map(|entry| entry.file.as_str())))];
        inner.extend(entry.map(|entry| top(index, entry)).into_iter().flatten());
        let summary = title(flame.tier, flame.view);
        blocks.push(if index == 0 { Block::unfolded(summary, inner) } else { Block::fold(summary, inner) });
    }
    for (index, entry) in entries.iter().enumerate() {
        if !flames.iter().any(|flame| flame.tier == entry.tier && flame.view == entry.view) {
            let mut inner = vec![Block::note("This profile has no flame graph.")];
            inner.extend(top(index + flames.len(), entry));
            blocks.push(Block::fold(title(entry.tier, entry.view), inner));
        }
    }
    Section {
        id: "profiles",
        title: "Profiles",
        lead: "Profiles are taken in a separate phase, never in one whose latency is reported. Width is the share of samples; click a frame to zoom.".to_owned(),
        blocks,
    }
}

fn title(tier: Tier, view: ProfileView) -> String {
    let scope = if tier == Tier::Host { "all tiers" } else { tier.name() };
    format!("{scope}, {}", profile_view_label(view))
}

const fn source_label(source: ProfileSource) -> &'static str {
    match source {
        ProfileSource::PySpy => "py-spy",
        ProfileSource::Perf => "perf",
        ProfileSource::PprofHttp => "pprof endpoint",
        ProfileSource::PprofSelf => "self-profile",
        ProfileSource::Merged => "merged",
    }
}

fn table(entries: &[ProfileEntry]) -> Table {
    let row = |entry: &ProfileEntry| {
        let facts = &entry.facts;
        let inaccurate = facts.completeness().is_some_and(|share| !ACCURATE.contains(&share.0));
        let accuracy = Cell::optional(facts.completeness(), Cell::ratio, "not applicable");
        let accuracy = if inaccurate {
            accuracy.with_tone(crate::view::block::Tone::Bad).with_note("out of range")
        } else {
            accuracy
        };
        let waited = Ratio::from_parts(facts.run_queue_ns, facts.run_queue_ns + facts.true_cpu_ns);
        vec![
            Cell::text(entry.tier.name()).with_note(profile_view_label(entry.view)),
            Cell::text(source_label(entry.source)),
            Cell::count(facts.processes.into()),
            Cell::value(format!("{} Hz", facts.hz), f64::from(facts.hz)),
            Cell::value(seconds(facts.duration_ms as f64 / 1_000.0), facts.duration_ms as f64),
            Cell::count(facts.samples),
            Cell::optional(facts.expected_samples, Cell::count, "not applicable"),
            accuracy,
            Cell::micros(Micros(facts.true_cpu_ns / 1_000)),
            Cell::optional(waited, Cell::ratio, "not reported"),
            Cell::count(facts.errors),
            safe_path(&entry.file).map_or_else(
                || Cell::absent("unsafe file name"),
                |file| Cell::code(format!("{}/{file}.*", names::PROFILES)),
            ),
        ]
    };
    Table::new("table-profiles", "Profiles and their sampling accuracy")
        .text_column("Tier")
        .text_column("Source")
        .number_column("Processes", "")
        .number_column("Rate", "Requested samples per second.")
        .number_column("Duration", "")
        .number_column("Samples", "Stack samples taken.")
        .number_column("Expected", "Samples expected from the CPU time of the tier.")
        .number_column("Accuracy", "Samples divided by expected samples; highlighted outside 80 to 120 %.")
        .number_column("CPU time", "CPU time of the tier in the window, as reported by the kernel.")
        .number_column("Waiting for a core", "Share of runnable time spent waiting for a core.")
        .number_column("Failed", "Stack samples that failed.")
        .described_column("Files", ".folded, .svg, .pb.gz, .speedscope.json")
        .with_rows(entries.iter().map(row))
}

fn top(index: usize, entry: &ProfileEntry) -> Vec<Block> {
    let mut blocks = Vec::new();
    if entry.top_self.is_empty() {
        blocks.push(Block::missing("No frame of this profile has self time."));
    } else {
        let rows = entry
            .top_self
            .iter()
            .take(15)
            .map(|(frame, share)| vec![Cell::code(sanitize(frame, 300)), Cell::ratio(*share)]);
        let table = Table::new(
            &format!("table-top-{index}"),
            format!("{}: frames with the highest self time", entry.tier),
        )
        .text_column("Frame")
        .number_column("Self", "Share of samples with this frame on top of the stack.")
        .with_rows(rows);
        blocks.push(Block::Table(table));
    }
    if !entry.facts.notes.is_empty() {
        blocks.push(Block::list(&entry.facts.notes));
    }
    if entry.facts.errors > 0 {
        blocks.push(Block::note(format!(
            "{} stack samples failed and are not in the flame graph.",
            count(entry.facts.errors)
        )));
    }
    blocks
}
