//! Data from a file: a row of it for each journey, so that columns of one row stay together.
//!
//! The file is read once, at validation; feeds of one run that name the same file share its rows, and rows that are given
//! once are given once to all of them together.

mod read;
mod table;

use std::sync::Arc;

pub(crate) use read::{Kind, read};
pub(crate) use table::Table;

use crate::values::{VarId, Visit};

/// Which row a journey is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FeedPick {
    /// Any.
    Random,
    /// The next, counted among the journeys of its scenario; after the last comes the first.
    InTurn,
    /// Always the same for one visitor.
    PerUser,
    /// The next that nobody has had in this run; after the last there is none.
    Unique,
}

/// A feed, as it is believed.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    pub(crate) name: String,
    pub(crate) pick: FeedPick,
    pub(crate) table: Arc<Table>,
    /// The columns that placeholders ask for.
    pub(crate) columns: Vec<(usize, VarId)>,
}

/// A feed that gives each row once had none left: the journey cannot begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dry {
    /// Which feed of its scenario, from 0 in the order of [`crate::Scenario::feeds`].
    pub feed: usize,
}

impl Feed {
    /// Gives the visit a row; false when there is none left.
    pub(crate) fn choose(&self, visit: &mut Visit) -> bool {
        let rows = self.table.rows();
        let row = match self.pick {
            FeedPick::Random => visit.below(rows),
            FeedPick::InTurn => visit.turn.saturating_sub(1) % rows,
            FeedPick::PerUser => visit.user.saturating_sub(1) % rows,
            FeedPick::Unique => match self.table.next() {
                Some(row) => row,
                None => return false,
            },
        };
        for (column, id) in &self.columns {
            visit.values.set(*id, Some(self.table.value(row, *column)));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Value;

    fn feed(pick: FeedPick) -> Feed {
        let text = b"name,id\nann,1\nbob,2\ncat,3\n";
        let table = Arc::new(read(text, Kind::Csv).expect("rows"));
        Feed { name: "people".into(), pick, table, columns: vec![(0, VarId(0)), (1, VarId(1))] }
    }

    /// Name and number of the row that a journey was given.
    fn row(visit: &Visit) -> (String, String) {
        let text = |id| visit.values.get(VarId(id)).map(|value| value.text().into_owned()).expect("a value");
        (text(0), text(1))
    }

    fn names(feed: &Feed, seed: u64, user: u64, turns: std::ops::RangeInclusive<u64>) -> Vec<String> {
        let mut visit = Visit::new(seed, user);
        turns
            .map(|turn| {
                visit.turn = turn;
                assert!(feed.choose(&mut visit));
                let (name, id) = row(&visit);
                // All columns come from one row.
                assert_eq!(
                    id,
                    ["ann", "bob", "cat"]
                        .iter()
                        .position(|own| *own == name)
                        .map(|at| (at + 1).to_string())
                        .expect("known")
                );
                name
            })
            .collect()
    }

    #[test]
    fn each_pick_gives_the_rows_that_it_promises() {
        assert_eq!(names(&feed(FeedPick::InTurn), 1, 5, 1..=4), ["ann", "bob", "cat", "ann"]);
        assert_eq!(names(&feed(FeedPick::PerUser), 1, 2, 1..=3), ["bob", "bob", "bob"]);
        let random = names(&feed(FeedPick::Random), 7, 1, 1..=60);
        assert_eq!(random, names(&feed(FeedPick::Random), 7, 1, 1..=60), "equal seeds, equal rows");
        assert_ne!(random, names(&feed(FeedPick::Random), 8, 1, 1..=60));
        for name in ["ann", "bob", "cat"] {
            assert!(random.iter().any(|own| own == name), "{name} is never chosen");
        }
    }

    #[test]
    fn a_unique_row_is_given_once_to_all_that_share_the_file() {
        let first = feed(FeedPick::Unique);
        let second = Feed { table: Arc::clone(&first.table), ..first.clone() };
        let mut visit = Visit::new(1, 1);
        let mut seen = Vec::new();
        for feed in [&first, &second, &first] {
            assert!(feed.choose(&mut visit));
            seen.push(visit.values.get(VarId(0)).cloned());
        }
        assert_eq!(seen, ["ann", "bob", "cat"].map(|name| Some(Value::Text(name.into()))));
        assert!(!first.choose(&mut visit) && !second.choose(&mut visit));
    }
}
