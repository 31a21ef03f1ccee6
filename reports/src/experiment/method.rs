//! Method of the experiments, the command, and the software versions.

use kneepoint_model::experiment::ExperimentFile;
use kneepoint_model::text::sanitize;

use crate::format::MAX_TEXT;
use crate::view::block::{Block, Section};

/// The method, one rule per list item.
const RULES: [&str; 8] = [
    "Both stacks run at the same time on the same machine, each with its own copy of the same data. They differ only in the setting under test.",
    "Load alternates between the stacks in short blocks in the order A B B A, so that drift over time affects both equally. The warm-up is excluded.",
    "A pair consists of two neighbouring blocks. The effect is the Hodges–Lehmann estimate over the pairs, with the exact 99 % interval of the Wilcoxon signed-rank statistic: one interval in a hundred does not contain the true value.",
    "The verdict is \"helps\" or \"hurts\" only if the interval excludes \"no effect\" and the estimate reaches the minimum relevant effect. Otherwise the smallest detectable effect is reported.",
    "Failed requests are fast, so a side on which requests fail is never reported as faster.",
    "Blocks with more than 5 % foreign CPU are dropped and repeated (for CPU per request: more than 50 %, or an uneven share). After a few repetitions the verdict is \"invalid\". Counters and headers are not affected by foreign CPU.",
    "Concurrency settings (workers, threads) are compared only on a quiet machine, because foreign CPU can reverse the sign of such a comparison.",
    "For every cache, two logged-in users and an anonymous user request the same pages. If one receives the name, form token or cookie of another, the verdict is \"hurts\", whatever the speed.",
];

/// The method section, with command and versions.
pub(super) fn section(file: &ExperimentFile) -> Section {
    let command = file.command.join(" ");
    let mut versions: Vec<(String, String)> = file
        .versions
        .iter()
        .map(|(name, version)| (sanitize(name, MAX_TEXT), sanitize(version, MAX_TEXT)))
        .collect();
    versions.push(("machine".to_owned(), sanitize(&file.host.cpu, MAX_TEXT)));
    versions.push(("kernel".to_owned(), sanitize(&file.host.kernel, MAX_TEXT)));
    Section {
        id: "method",
        title: "Method",
        lead: String::new(),
        blocks: vec![
            Block::list(RULES),
            Block::heading("Reproduce"),
            Block::Source { text: sanitize(&command, MAX_TEXT) },
            Block::heading("Versions"),
            Block::Pairs { pairs: versions },
        ],
    }
}
