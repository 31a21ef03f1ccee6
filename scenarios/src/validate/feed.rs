//! The judgement of feeds: the file is read here, once, and its columns become names.

use std::path::Path;

use toml::Spanned;

use super::{Judge, Judged};
use crate::feed::{Feed, FeedPick, Kind};
use crate::raw::{RawFeed, RawScenario};
use crate::values::VarId;

/// More feeds than this are a mistake; their columns fit into the numbers of variables.
const MOST_FEEDS: usize = 32;

impl Judge<'_> {
    /// Feeds with all their columns; those that nothing asks for are left out by [`Self::asked_for`].
    pub(super) fn feeds(&mut self, raw: &RawScenario) -> Judged<Vec<Feed>> {
        if let Some((name, feed)) = raw.feeds.iter().nth(MOST_FEEDS) {
            return Err(self.refuse(
                &feed.span(),
                &format!("feeds.{name}"),
                format!("a scenario has at most {MOST_FEEDS} feeds"),
            ));
        }
        raw.feeds.iter().map(|(name, feed)| self.feed(name, feed)).collect()
    }

    fn feed(&mut self, name: &str, raw: &Spanned<RawFeed>) -> Judged<Feed> {
        self.named_well(name, &raw.span(), "feeds")?;
        let RawFeed { file, pick } = raw.get_ref();
        let pick = match pick {
            None => FeedPick::Random,
            Some(pick) => self.one_of(
                pick,
                "pick",
                &[
                    ("random", FeedPick::Random),
                    ("in-turn", FeedPick::InTurn),
                    ("per-user", FeedPick::PerUser),
                    ("unique", FeedPick::Unique),
                ],
            )?,
        };
        let key = format!("feeds.{name}.file");
        let refuse = |problem: String| self.refuse(&file.span(), &key, problem);
        let kind = Kind::of(file.get_ref())
            .ok_or_else(|| refuse("must end in .csv, .json (an array of objects) or .jsonl".to_owned()))?;
        let table = self.surroundings.feed(&self.near(file.get_ref()), kind).map_err(refuse)?;
        let mut columns = Vec::new();
        for (at, column) in table.columns().iter().enumerate() {
            let id = self.next_id();
            self.names.insert(format!("{name}.{column}"), id);
            self.sure.insert(id.0);
            columns.push((at, id));
        }
        Ok(Feed { name: name.to_owned(), pick, table, columns })
    }

    /// A file beside the scenario's own.
    pub(super) fn near(&self, name: &str) -> std::path::PathBuf {
        self.base.unwrap_or_else(|| Path::new("")).join(name)
    }

    /// Leaves out columns that no placeholder asks for: they would be copied for each journey.
    pub(super) fn asked_for(&self, mut feeds: Vec<Feed>) -> Vec<Feed> {
        let used = self.used.borrow();
        for feed in &mut feeds {
            feed.columns.retain(|(_, VarId(id))| used.contains(id));
        }
        feeds
    }
}
