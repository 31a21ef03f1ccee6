//! Validates feeds: the file is read here, once, and each column becomes a name.

use std::path::Path;

use toml::Spanned;

use super::{ValidationResult, Validator};
use crate::feed::{Feed, FeedFormat, FeedPick};
use crate::raw::{RawFeed, RawScenario};
use crate::values::VarId;

/// Limit of feeds, so that all their columns fit into variable ids.
const MAX_FEEDS: usize = 32;

impl Validator<'_> {
    /// Feeds with all their columns; [`Self::drop_unused_columns`] removes those that no placeholder uses.
    pub(super) fn validate_feeds(&mut self, raw: &RawScenario) -> ValidationResult<Vec<Feed>> {
        if let Some((name, feed)) = raw.feeds.iter().nth(MAX_FEEDS) {
            return Err(self.error_at(
                &feed.span(),
                &format!("feeds.{name}"),
                format!("a scenario can have at most {MAX_FEEDS} feeds"),
            ));
        }
        raw.feeds.iter().map(|(name, feed)| self.validate_feed(name, feed)).collect()
    }

    fn validate_feed(&mut self, name: &str, raw: &Spanned<RawFeed>) -> ValidationResult<Feed> {
        self.check_name(name, &raw.span(), "feeds")?;
        let RawFeed { file, pick } = raw.get_ref();
        let pick = match pick {
            None => FeedPick::Random,
            Some(pick) => self.parse_choice(
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
        let file_error = |problem: String| self.error_at(&file.span(), &key, problem);
        let format = FeedFormat::from_path(file.get_ref()).ok_or_else(|| {
            file_error("must end in .csv, .json (an array of objects) or .jsonl".to_owned())
        })?;
        let table = self.env.read_feed(&self.resolve_path(file.get_ref()), format).map_err(file_error)?;
        let mut columns = Vec::new();
        for (at, column) in table.columns().iter().enumerate() {
            let id = self.new_var();
            self.names.insert(format!("{name}.{column}"), id);
            self.guaranteed.insert(id.0);
            columns.push((at, id));
        }
        Ok(Feed { name: name.to_owned(), pick, table, columns })
    }

    /// Resolves a path relative to the scenario file.
    pub(super) fn resolve_path(&self, name: &str) -> std::path::PathBuf {
        self.base.unwrap_or_else(|| Path::new("")).join(name)
    }

    /// Removes columns that no placeholder uses, because every column is copied for each journey.
    pub(super) fn drop_unused_columns(&self, mut feeds: Vec<Feed>) -> Vec<Feed> {
        let used = self.used.borrow();
        for feed in &mut feeds {
            feed.columns.retain(|(_, VarId(id))| used.contains(id));
        }
        feeds
    }
}
