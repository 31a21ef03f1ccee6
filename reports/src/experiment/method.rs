//! How it was made, so that it can be made again and doubted.

use kneepoint_model::experiment::ExperimentFile;

use crate::format::clean;
use crate::view::block::{Block, Section};

/// The rules, in the words of those who follow them.
const RULES: [&str; 8] = [
    "The two stacks stand at the same time on the same machine, each with its own copy of the same data; only what is named differs.",
    "Load goes to one and then to the other in short blocks, in the order A B B A, so that what drifts with time hits both alike. Nothing of the warm-up counts.",
    "A pair is two neighbouring blocks. The estimate is Hodges–Lehmann's over the pairs, the interval the exact one of Wilcoxon's signed-rank statistic at 99 %: one interval in a hundred misses the truth.",
    "Helps or hurts is said only when the interval leaves zero out and the estimate is at least the least effect that matters; otherwise the smallest effect that would have been seen is said.",
    "Errors are fast: a side on which requests fail is never called faster.",
    "Blocks in which other programs took more than 5 % of the machine's CPU (for CPU per request: more than half of it, or unevenly) are dropped and measured again, a few times; after that the verdict is invalid. Counters and headers are not disturbed by that.",
    "Ways of doing things at the same time (workers, threads) are compared on a quiet machine only: a busy neighbour turns the sign of such a comparison.",
    "Two readers who are logged in and a stranger look at the same pages of every cache: one who sees another's name, form token or cookie makes the advice hurt, whatever its speed.",
];

/// The section.
pub(super) fn section(file: &ExperimentFile) -> Section {
    let command = file.command.join(" ");
    let mut versions: Vec<(String, String)> =
        file.versions.iter().map(|(name, version)| (clean(name), clean(version))).collect();
    versions.push(("machine".to_owned(), clean(&file.host.cpu)));
    versions.push(("kernel".to_owned(), clean(&file.host.kernel)));
    Section {
        id: "method",
        title: "Method",
        lead: String::new(),
        blocks: vec![
            Block::list(RULES),
            Block::heading("See it again"),
            Block::Source { text: clean(&command) },
            Block::heading("What stood"),
            Block::Pairs { pairs: versions },
        ],
    }
}
