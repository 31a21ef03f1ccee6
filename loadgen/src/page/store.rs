//! One visitor's browser cache: what is kept of each asset, by path; as long-lived as the visitor's cookies.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Instant;

use super::fresh::{Fields, Stored, Use};
use crate::transport::Head;

/// Most assets of a visitor; the oldest go first.
const MOST: usize = 1_000;

/// What a visitor's browser keeps.
#[derive(Debug, Default)]
pub(crate) struct BrowserCache {
    kept: HashMap<Box<str>, Stored>,
    order: VecDeque<Box<str>>,
}

impl BrowserCache {
    /// How an asset can be had; `cookies` is the header that would go with the request.
    pub(super) fn usable(&self, path: &str, cookies: Option<&str>, now: Instant) -> Use<'_> {
        self.kept.get(path).map_or(Use::Fetch, |stored| stored.usable(key(cookies), now))
    }

    /// Takes what a complete answer allows to be kept.
    pub(super) fn take(&mut self, path: &str, cookies: Option<&str>, head: &Head, now: Instant) {
        let fields = |name: &str| {
            let mut all = head.all(name);
            let first = all.next()?.to_owned();
            Some(all.fold(first, |joined, next| joined + ", " + next))
        };
        self.keep(path, key(cookies), head.status, &fields, now);
    }

    fn keep(&mut self, path: &str, cookies: u64, status: u16, fields: &Fields<'_>, now: Instant) {
        let stored = match status {
            200 => Stored::of(fields, cookies, now),
            304 => self.kept.get(path).and_then(|stored| stored.freshened(fields, cookies, now)),
            // Other answers leave what is there as it is (RFC 9111 §4.3.3).
            _ => return,
        };
        match (stored, self.kept.get_mut(path)) {
            (Some(stored), Some(old)) => *old = stored,
            (Some(stored), None) => {
                if self.order.len() >= MOST
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.kept.remove(&oldest);
                }
                self.order.push_back(path.into());
                self.kept.insert(path.into(), stored);
            }
            (None, Some(_)) => {
                self.kept.remove(path);
                self.order.retain(|own| &**own != path);
            }
            (None, None) => {}
        }
    }
}

fn key(cookies: Option<&str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    cookies.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(text: &'static str) -> impl Fn(&str) -> Option<String> {
        move |name| (name == "cache-control").then(|| text.to_owned())
    }

    #[test]
    fn answers_are_kept_replaced_and_dropped() {
        let (mut cache, now) = (BrowserCache::default(), Instant::now());
        let mut keep = |status, text| {
            cache.keep("/a", key(None), status, &control(text), now);
            cache.usable("/a", None, now) == Use::Stored
        };
        assert!(!keep(304, "max-age=60"), "there was nothing to make fresh");
        assert!(keep(200, "max-age=60"));
        assert!(keep(500, "no-store"), "a failure says nothing about what is kept");
        assert!(!keep(200, "no-store"));
        assert_eq!((cache.kept.len(), cache.order.len()), (0, 0));
    }

    #[test]
    fn the_oldest_make_room() {
        let (mut cache, now) = (BrowserCache::default(), Instant::now());
        for n in 0..MOST + 5 {
            cache.keep(&format!("/{n}"), key(None), 200, &control("max-age=60"), now);
            cache.keep("/4", key(None), 200, &control("max-age=60"), now);
        }
        assert_eq!((cache.kept.len(), cache.order.len()), (MOST, MOST));
        assert_eq!(cache.usable("/0", None, now), Use::Fetch);
        assert_eq!(cache.usable(&format!("/{}", MOST + 4), None, now), Use::Stored);
    }
}
