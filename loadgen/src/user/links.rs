//! Resolves links and redirects as a browser does, and never to another site.

use kneepoint_model::text::clip;
use url::Url;

/// The site's origin: its base URL, and its name in the `Host` header.
#[derive(Debug, Clone)]
pub(crate) struct SiteOrigin {
    base: Url,
    alias: Option<String>,
    host: String,
}

/// A link leads to another site; contains the host.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OffSite(pub(crate) String);

impl SiteOrigin {
    pub(crate) fn new(base: &Url, host_header: Option<&str>) -> Self {
        let mut base = base.clone();
        base.set_path("/");
        base.set_query(None);
        base.set_fragment(None);
        let authority_of_base = authority(&base);
        let host = host_header.map_or_else(|| authority_of_base.clone(), str::to_owned);
        Self { base, alias: host_header.map(str::to_ascii_lowercase), host }
    }

    /// Value of the `Host` header.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Full URL of a path, as a browser shows it: for `Referer`.
    pub(crate) fn url_of(&self, path: &str) -> String {
        format!("{}://{}{path}", self.base.scheme(), self.host)
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// Path and query of a link that was found on the page `at`.
    pub(crate) fn resolve(&self, at: &str, link: &str) -> Result<String, OffSite> {
        self.resolve_from(&self.base_url_of(at, None), link)
    }

    /// Base URL of the links on the page `at`; `declared` is its `<base href>`.
    pub(crate) fn base_url_of(&self, at: &str, declared: Option<&str>) -> Url {
        let page = self.base.join(at).unwrap_or_else(|_| self.base.clone());
        declared.and_then(|declared| page.join(declared).ok()).unwrap_or(page)
    }

    /// Path and query of a link that is relative to `base`.
    pub(crate) fn resolve_from(&self, base: &Url, link: &str) -> Result<String, OffSite> {
        let Ok(url) = base.join(link) else { return Err(OffSite("an unreadable address".into())) };
        let there = authority(&url);
        let same_host = there == authority(&self.base) || self.alias.as_deref() == Some(there.as_str());
        if !matches!(url.scheme(), "http" | "https") || !same_host {
            return Err(OffSite(clip(&there, 100).to_owned()));
        }
        Ok(match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        })
    }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_resolve_within_the_site_only() {
        let base = Url::parse("http://127.0.0.1:8000/ignored").expect("url");
        let site = SiteOrigin::new(&base, Some("shop.example"));
        let at = "/catalogue/?page=1";
        assert_eq!(site.resolve(at, "?page=2").as_deref(), Ok("/catalogue/?page=2"));
        assert_eq!(site.resolve(at, "../books/1/#top").as_deref(), Ok("/books/1/"));
        assert_eq!(site.resolve(at, "http://shop.example/a").as_deref(), Ok("/a"));
        assert_eq!(site.resolve(at, "http://127.0.0.1:8000/b?c").as_deref(), Ok("/b?c"));
        assert_eq!(site.resolve(at, "//evil.example/a"), Err(OffSite("evil.example".into())));
        assert!(site.resolve(at, "javascript:alert(1)").is_err());
        assert!(site.resolve(at, "http://[bad").is_err());
        assert_eq!((site.host(), site.url_of("/x").as_str()), ("shop.example", "http://shop.example/x"));
    }
}
