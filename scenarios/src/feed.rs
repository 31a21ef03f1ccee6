//! Feeds: each journey gets one row of a data file, so that the columns of a row stay together.
//!
//! The file is read once, at validation. Feeds of one run that name the same file share its rows, and a `unique` row is given to
//! only one journey of all of them.

mod read;
mod table;

use std::sync::Arc;

pub(crate) use read::{FeedFormat, read_table};
pub(crate) use table::Table;

use crate::user_context::UserContext;
use crate::values::VarId;

/// Which row a journey gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FeedPick {
    /// A row chosen with equal probability, once per journey.
    Random,
    /// The next row, by the number of the journey among those of its scenario; after the last comes the first.
    InTurn,
    /// The same row in every journey of one user.
    PerUser,
    /// The next row that no journey of the run has had; after the last the feed is exhausted.
    Unique,
}

/// A validated feed.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    pub(crate) name: String,
    pub(crate) pick: FeedPick,
    pub(crate) table: Arc<Table>,
    /// The columns that placeholders use, with their variables.
    pub(crate) columns: Vec<(usize, VarId)>,
}

/// A `unique` feed has no row left, so the journey cannot begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedExhausted {
    /// Index of the feed in [`crate::Scenario::feeds`], from 0.
    pub feed: usize,
}

impl Feed {
    /// Stores a row in the context; false when no row is left.
    pub(crate) fn choose_row(&self, context: &mut UserContext) -> bool {
        let rows = self.table.rows();
        let row = match self.pick {
            FeedPick::Random => context.draw_below(rows),
            FeedPick::InTurn => context.scenario_journey.saturating_sub(1) % rows,
            FeedPick::PerUser => context.user.saturating_sub(1) % rows,
            FeedPick::Unique => match self.table.take_next_row() {
                Some(row) => row,
                None => return false,
            },
        };
        for (column, id) in &self.columns {
            context.values.set(*id, Some(self.table.value(row, *column)));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn feed(pick: FeedPick) -> Feed {
        let text = b"name,id\nann,1\nbob,2\ncat,3\n";
        let table = Arc::new(read_table(text, FeedFormat::Csv).expect("rows"));
        Feed { name: "people".into(), pick, table, columns: vec![(0, VarId(0)), (1, VarId(1))] }
    }

    /// Name and id of the row that the journey got.
    fn row(context: &UserContext) -> (String, String) {
        let text =
            |id| context.values.get(VarId(id)).map(|value| value.text().into_owned()).expect("a value");
        (text(0), text(1))
    }

    fn names(feed: &Feed, seed: u64, user: u64, turns: std::ops::RangeInclusive<u64>) -> Vec<String> {
        let mut context = UserContext::new(seed, user);
        turns
            .map(|turn| {
                context.scenario_journey = turn;
                assert!(feed.choose_row(&mut context));
                let (name, id) = row(&context);
                // All columns come from one row.
                assert_eq!(
                    id,
                    ["ann", "bob", "cat"]
                        .iter()
                        .position(|known| *known == name)
                        .map(|at| (at + 1).to_string())
                        .expect("known")
                );
                name
            })
            .collect()
    }

    #[test]
    fn each_pick_returns_its_rows() {
        assert_eq!(names(&feed(FeedPick::InTurn), 1, 5, 1..=4), ["ann", "bob", "cat", "ann"]);
        assert_eq!(names(&feed(FeedPick::PerUser), 1, 2, 1..=3), ["bob", "bob", "bob"]);
        let random = names(&feed(FeedPick::Random), 7, 1, 1..=60);
        assert_eq!(random, names(&feed(FeedPick::Random), 7, 1, 1..=60), "equal seeds, equal rows");
        assert_ne!(random, names(&feed(FeedPick::Random), 8, 1, 1..=60));
        for name in ["ann", "bob", "cat"] {
            assert!(random.iter().any(|known| known == name), "{name} is never chosen");
        }
    }

    #[test]
    fn a_unique_row_is_given_once_among_all_feeds_of_the_file() {
        let first = feed(FeedPick::Unique);
        let second = Feed { table: Arc::clone(&first.table), ..first.clone() };
        let mut context = UserContext::new(1, 1);
        let mut seen = Vec::new();
        for feed in [&first, &second, &first] {
            assert!(feed.choose_row(&mut context));
            seen.push(context.values.get(VarId(0)).cloned());
        }
        assert_eq!(seen, ["ann", "bob", "cat"].map(|name| Some(Value::Text(name.into()))));
        assert!(!first.choose_row(&mut context) && !second.choose_row(&mut context));
    }
}
