//! Profiles: a flame graph for each tier, the frames with most weight of their own, and whether the samples add up.

use kneepoint_analysis::RunFacts;
use kneepoint_model::profile::{ProfileEntry, ProfileSource, ProfileView};
use kneepoint_model::tier::Tier;
use kneepoint_model::units::{Micros, Ratio};

use crate::flame::{Flame, Framer, view_words};
use crate::format::{clean_to, count, safe_path, seconds};
use crate::view::block::{Block, Cell, Section, Table};

/// Completeness outside this range is flagged.
const TRUSTED: std::ops::RangeInclusive<f64> = 0.8..=1.2;

pub(crate) fn build(facts: &RunFacts, flames: &[Flame]) -> Section {
    let entries: &[ProfileEntry] = facts.profiles.as_ref().map_or(&[], |index| &index.profiles);
    let mut blocks = Vec::new();
    if entries.is_empty() && flames.is_empty() {
        blocks.push(Block::missing("There are no profiles: profiling was not reached, not asked for, or not permitted (see what was not measured)."));
    }
    if !entries.is_empty() {
        blocks.push(Block::Table(table(entries)));
    }
    if let Some(ratio) = facts.profiles.as_ref().and_then(|index| index.profiled_over_unprofiled) {
        blocks.push(Block::say(format!("Throughput while profiled was {ratio} of the throughput while not: what is left is the cost of looking.")));
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
            let mut inner = vec![Block::note("There is no picture of this profile.")];
            inner.extend(top(index + flames.len(), entry));
            blocks.push(Block::fold(title(entry.tier, entry.view), inner));
        }
    }
    Section {
        id: "profiles",
        title: "Profiles",
        lead: "Taken in a phase of their own, never in one whose latency is quoted. Width is the share of samples; click a frame to zoom.".to_owned(),
        blocks,
    }
}

/// What stands on a fold; the merged profile goes by the host.
fn title(tier: Tier, view: ProfileView) -> String {
    let who = if tier == Tier::Host { "all tiers" } else { tier.name() };
    format!("{who}, {}", view_words(view))
}

const fn source_words(source: ProfileSource) -> &'static str {
    match source {
        ProfileSource::PySpy => "py-spy",
        ProfileSource::Perf => "perf",
        ProfileSource::PprofHttp => "pprof endpoint",
        ProfileSource::PprofSelf => "own profile",
        ProfileSource::Merged => "merged",
    }
}

fn table(entries: &[ProfileEntry]) -> Table {
    let row = |entry: &ProfileEntry| {
        let facts = &entry.facts;
        let flagged = facts.completeness().is_some_and(|share| !TRUSTED.contains(&share.0));
        let complete = Cell::maybe(facts.completeness(), Cell::ratio, "not expected");
        let complete = if flagged {
            complete.toned(crate::view::block::Tone::Bad).noted("does not add up")
        } else {
            complete
        };
        let waited = Ratio::from_parts(facts.run_queue_ns, facts.run_queue_ns + facts.true_cpu_ns);
        vec![
            Cell::text(entry.tier.name()).noted(view_words(entry.view)),
            Cell::text(source_words(entry.source)),
            Cell::count(facts.processes.into()),
            Cell::value(format!("{} Hz", facts.hz), f64::from(facts.hz)),
            Cell::value(seconds(facts.duration_ms as f64 / 1_000.0), facts.duration_ms as f64),
            Cell::count(facts.samples),
            Cell::maybe(facts.expected_samples, Cell::count, "no expectation"),
            complete,
            Cell::micros(Micros(facts.true_cpu_ns / 1_000)),
            Cell::maybe(waited, Cell::ratio, "not said"),
            Cell::count(facts.errors),
            safe_path(&entry.file)
                .map_or_else(|| Cell::absent("odd name"), |file| Cell::code(format!("profiles/{file}.*"))),
        ]
    };
    Table::new("table-profiles", "Profiles and whether they add up")
        .words("Tier")
        .words("Source")
        .numbers("Processes", "")
        .numbers("Rate", "Samples a second asked for.")
        .numbers("Length", "")
        .numbers("Samples", "Samples taken.")
        .numbers("Expected", "Samples that true CPU time would give.")
        .numbers("Complete", "Samples over expected; outside 80 to 120 % the profile is flagged.")
        .numbers("True CPU", "CPU time of the tier in the window, by the kernel's account.")
        .numbers("Waiting for a core", "Share of ready time without a core.")
        .numbers("Lost", "Attempts that failed.")
        .hinted("Files", ".folded, .svg, .pb.gz, .speedscope.json")
        .with(entries.iter().map(row))
}

fn top(index: usize, entry: &ProfileEntry) -> Vec<Block> {
    let mut blocks = Vec::new();
    if entry.top_self.is_empty() {
        blocks.push(Block::missing("No frame has weight of its own in this profile."));
    } else {
        let rows = entry
            .top_self
            .iter()
            .take(15)
            .map(|(frame, share)| vec![Cell::code(clean_to(frame, 300)), Cell::ratio(*share)]);
        let table =
            Table::new(&format!("table-top-{index}"), format!("{}: most weight of its own", entry.tier))
                .words("Frame")
                .numbers("Self", "Share of the weight spent in the frame itself.")
                .with(rows);
        blocks.push(Block::Table(table));
    }
    if !entry.facts.notes.is_empty() {
        blocks.push(Block::list(&entry.facts.notes));
    }
    if entry.facts.errors > 0 {
        blocks.push(Block::note(format!(
            "{} attempts to read a stack failed and are not part of the picture.",
            count(entry.facts.errors)
        )));
    }
    blocks
}
