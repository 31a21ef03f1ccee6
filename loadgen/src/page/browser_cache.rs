//! The browser cache of one user: responses by path, kept as long as the user's cookies.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Instant;

use super::http_cache::{CacheUse, Fields, StoredResponse};
use crate::transport::ResponseHead;

/// The oldest assets are dropped first.
const MAX_ASSETS: usize = 1_000;

/// Cached responses of one user.
#[derive(Debug, Default)]
pub(crate) struct BrowserCache {
    stored_by_path: HashMap<Box<str>, StoredResponse>,
    order: VecDeque<Box<str>>,
}

impl BrowserCache {
    /// How an asset can be obtained; `cookies` is the header that the request would have.
    pub(super) fn usage(&self, path: &str, cookies: Option<&str>, now: Instant) -> CacheUse<'_> {
        self.stored_by_path
            .get(path)
            .map_or(CacheUse::Fetch, |stored| stored.usage(hash_cookies(cookies), now))
    }

    /// Stores a complete response, as far as it may be stored.
    pub(super) fn store_response(
        &mut self,
        path: &str,
        cookies: Option<&str>,
        head: &ResponseHead,
        now: Instant,
    ) {
        let fields = |name: &str| {
            let mut all = head.all(name);
            let first = all.next()?.to_owned();
            Some(all.fold(first, |joined, next| joined + ", " + next))
        };
        self.update(path, hash_cookies(cookies), head.status, &fields, now);
    }

    fn update(&mut self, path: &str, cookies: u64, status: u16, fields: &Fields<'_>, now: Instant) {
        let stored = match status {
            200 => StoredResponse::from_response(fields, cookies, now),
            304 => self.stored_by_path.get(path).and_then(|stored| stored.revalidated(fields, cookies, now)),
            // Other responses leave the stored one as it is (RFC 9111 §4.3.3).
            _ => return,
        };
        match (stored, self.stored_by_path.get_mut(path)) {
            (Some(stored), Some(old)) => *old = stored,
            (Some(stored), None) => {
                if self.order.len() >= MAX_ASSETS
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.stored_by_path.remove(&oldest);
                }
                self.order.push_back(path.into());
                self.stored_by_path.insert(path.into(), stored);
            }
            (None, Some(_)) => {
                self.stored_by_path.remove(path);
                self.order.retain(|path_of_other| &**path_of_other != path);
            }
            (None, None) => {}
        }
    }
}

fn hash_cookies(cookies: Option<&str>) -> u64 {
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
    fn responses_are_stored_replaced_and_dropped() {
        let (mut cache, now) = (BrowserCache::default(), Instant::now());
        let mut store = |status, text| {
            cache.update("/a", hash_cookies(None), status, &control(text), now);
            cache.usage("/a", None, now) == CacheUse::Fresh
        };
        assert!(!store(304, "max-age=60"), "there was nothing to make fresh");
        assert!(store(200, "max-age=60"));
        assert!(store(500, "no-store"), "a failure says nothing about what is stored");
        assert!(!store(200, "no-store"));
        assert_eq!((cache.stored_by_path.len(), cache.order.len()), (0, 0));
    }

    #[test]
    fn the_oldest_make_room() {
        let (mut cache, now) = (BrowserCache::default(), Instant::now());
        for n in 0..MAX_ASSETS + 5 {
            cache.update(&format!("/{n}"), hash_cookies(None), 200, &control("max-age=60"), now);
            cache.update("/4", hash_cookies(None), 200, &control("max-age=60"), now);
        }
        assert_eq!((cache.stored_by_path.len(), cache.order.len()), (MAX_ASSETS, MAX_ASSETS));
        assert_eq!(cache.usage("/0", None, now), CacheUse::Fetch);
        assert_eq!(cache.usage(&format!("/{}", MAX_ASSETS + 4), None, now), CacheUse::Fresh);
    }
}
