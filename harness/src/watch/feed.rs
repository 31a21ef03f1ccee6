//! Between those who announce and the view: bounded, and never waited for. When it is full the oldest gives way.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::state::News;

/// More than a view takes in between two frames.
const MOST: usize = 1_024;

/// News that were not shown yet.
#[derive(Debug, Default)]
pub(crate) struct Feed(Mutex<VecDeque<News>>);

impl Feed {
    /// Puts something in; takes a lock that is held for a moment only.
    pub(crate) fn put(&self, news: News) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() == MOST {
            waiting.pop_front();
        }
        waiting.push_back(news);
    }

    /// Takes everything out.
    pub(crate) fn take(&self) -> VecDeque<News> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay() {
        let feed = Feed::default();
        for n in 0..MOST + 7 {
            feed.put(News::Heading(n.to_string()));
        }
        let taken = feed.take();
        assert_eq!(taken.len(), MOST);
        assert!(matches!(taken.front(), Some(News::Heading(text)) if text == "7"));
        assert!(feed.take().is_empty());
    }
}
