//! One user's browser cache: what is stored_by_path of each asset, by path; as long-lived as the user's cookies.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Instant;

use super::http_cache::{CacheUse, Fields, StoredResponse};
use crate::transport::ResponseHead;

/// Most assets of a user; the oldest go first.
const MAX_ASSETS: usize = 1_000;

/// What a user's browser keeps.
#[derive(Debug, Default)]
pub(crate) struct BrowserCache {
    stored_by_path: HashMap<Box<str>, StoredResponse>,
    order: VecDeque<Box<str>>,
}

impl BrowserCache {
    /// How an asset can be had; `cookies` is the header that would go with the request.
    pub(super) fn usage(&self, path: &str, cookies: Option<&str>, now: Instant) -> CacheUse<'_> {
        self.stored_by_path
            .get(path)
            .map_or(CacheUse::Fetch, |stored| stored.usage(hash_cookies(cookies), now))
    }

    /// Takes what a complete answer allows to be stored_by_path.
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
            // Other answers leave what is there as it is (RFC 9111 §4.3.3).
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
                self.order.retain(|own| &**own != path);
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
    fn answers_are_kept_replaced_and_dropped() {
        let (mut cache, now) = (BrowserCache::default(), Instant::now());
        let mut keep = |status, text| {
            cache.update("/a", hash_cookies(None), status, &control(text), now);
            cache.usage("/a", None, now) == CacheUse::Fresh
        };
        assert!(!keep(304, "max-age=60"), "there was nothing to make fresh");
        assert!(keep(200, "max-age=60"));
        assert!(keep(500, "no-store"), "a failure says nothing about what is stored_by_path");
        assert!(!keep(200, "no-store"));
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
