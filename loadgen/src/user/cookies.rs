//! The cookies of one user. There is one site only, so domains are ignored. Values are sent to the site and shown nowhere.

use crate::transport::ResponseHead;

const MAX_COOKIES: usize = 50;
const MAX_COOKIE_LEN: usize = 4096;

/// At most 50 cookies of at most 4 KiB.
#[derive(Clone, Default)]
pub(crate) struct CookieJar {
    cookies: Vec<Cookie>,
}

#[derive(Clone, PartialEq)]
struct Cookie {
    name: String,
    value: String,
    path: String,
}

impl Cookie {
    /// Whether setting one replaces the other.
    fn replaces(&self, other: &Self) -> bool {
        self.name == other.name && self.path == other.path
    }
}

impl CookieJar {
    /// Stores what a response sets, and drops what it removes.
    pub(crate) fn store(&mut self, head: &ResponseHead) {
        for text in head.all("set-cookie").filter(|text| text.len() <= MAX_COOKIE_LEN) {
            self.set(text);
        }
    }

    /// Applies one `Set-Cookie` line.
    pub(crate) fn set(&mut self, text: &str) {
        let mut parts = text.split(';').map(str::trim);
        let pair = parts.next().unwrap_or_default();
        let Some((name, value)) = pair.split_once('=') else { return };
        let (name, value) = (name.trim(), value.trim());
        // Control characters could break out of a header line.
        if name.is_empty() || pair.chars().any(char::is_control) {
            return;
        }
        let (mut path, mut is_removed, mut has_max_age) = ("/", false, false);
        for part in parts {
            let (key, detail) = part.split_once('=').unwrap_or((part, ""));
            match key.to_ascii_lowercase().as_str() {
                "path" if detail.starts_with('/') => path = detail,
                "max-age" => {
                    has_max_age = true;
                    is_removed = detail.trim().parse::<i64>().is_ok_and(|seconds| seconds <= 0);
                }
                // Servers delete with the epoch; a date in the future lies beyond any run.
                "expires" if !has_max_age => is_removed = detail.contains("1970"),
                _ => {}
            }
        }
        self.cookies.retain(|cookie| cookie.name != name || cookie.path != path);
        if !is_removed && self.cookies.len() < MAX_COOKIES {
            self.cookies.push(Cookie { name: name.into(), value: value.into(), path: path.into() });
        }
    }

    /// Value of the first cookie of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|cookie| cookie.name == name).map(|cookie| cookie.value.as_str())
    }

    /// The value of the `Cookie` header for a path; `None` when there is nothing to send.
    pub(crate) fn header(&self, path: &str) -> Option<String> {
        let mut out = Vec::new();
        self.write(path, &mut out).then(|| String::from_utf8_lossy(&out).into_owned())
    }

    /// Appends the value of the `Cookie` header for a path; false when there is nothing to send.
    pub(crate) fn write(&self, path: &str, out: &mut Vec<u8>) -> bool {
        let mut any = false;
        for cookie in self.cookies.iter().filter(|cookie| path_matches(&cookie.path, path)) {
            if any {
                out.extend_from_slice(b"; ");
            }
            any = true;
            for part in [&cookie.name, "=", &cookie.value] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        any
    }

    pub(crate) fn clear(&mut self) {
        self.cookies.clear();
    }

    /// Applies the changes of a request that began with the cookies `before` and ended with `after`. Changes of other requests
    /// of the same user stay.
    pub(crate) fn merge_changes(&mut self, before: &Self, after: &Self) {
        let is_removed = |cookie: &Cookie| before.contains(cookie) && !after.contains(cookie);
        self.cookies.retain(|cookie| !is_removed(cookie));
        for cookie in &after.cookies {
            if before.cookies.contains(cookie) {
                continue;
            }
            self.cookies.retain(|other| !other.replaces(cookie));
            if self.cookies.len() < MAX_COOKIES {
                self.cookies.push(cookie.clone());
            }
        }
    }

    fn contains(&self, cookie: &Cookie) -> bool {
        self.cookies.iter().any(|other| other.replaces(cookie))
    }
}

/// RFC 6265 §5.1.4.
fn path_matches(cookie: &str, request: &str) -> bool {
    let request = request.split('?').next().unwrap_or("/");
    request
        .strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(texts: &[&str]) -> CookieJar {
        let mut jar = CookieJar::default();
        for text in texts {
            jar.set(text);
        }
        jar
    }

    #[test]
    fn cookies_are_kept_replaced_and_removed() {
        let jar = jar(&["a=1; Path=/; HttpOnly", "b=2; Max-Age=60", "a=3; path=/", "b=; Max-Age=0"]);
        assert_eq!(jar.header("/x?y").as_deref(), Some("a=3"));
        assert_eq!((jar.get("a"), jar.get("b")), (Some("3"), None));
    }

    #[test]
    fn paths_and_past_dates_are_applied() {
        let jar = jar(&[
            "admin=1; Path=/admin",
            "s=x; expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "k=v; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=5",
        ]);
        assert_eq!(jar.header("/administrator"), Some("k=v".into()));
        assert_eq!(jar.header("/admin/users"), Some("admin=1; k=v".into()));
    }

    #[test]
    fn requests_at_the_same_time_lose_no_cookie() {
        let before = jar(&["session=1", "old=x", "kept=k"]);
        let mut shared = before.clone();
        let (mut one, mut other) = (before.clone(), before.clone());
        one.set("session=2");
        one.set("a=1");
        other.set("b=2");
        other.set("old=; Max-Age=0");
        shared.merge_changes(&before, &one);
        shared.merge_changes(&before, &other);
        assert_eq!(shared.header("/").as_deref(), Some("kept=k; session=2; a=1; b=2"));
    }

    #[test]
    fn garbage_and_floods_are_bounded() {
        let mut jar = jar(&["", "=", "novalue", ";;;", "a=b\u{0}c", "a\rb=c"]);
        assert_eq!(jar.header("/"), None);
        for n in 0..200 {
            jar.set(&format!("c{n}=v"));
        }
        assert_eq!(jar.cookies.len(), MAX_COOKIES);
    }
}
