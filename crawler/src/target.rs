//! The site under test: which URLs belong to it and how a path becomes a URL.
//!
//! The `Host` header may differ from the address that is connected to (`--attach` to a loopback port of a named
//! site): absolute links to that name then belong to the site as well.

use kneepoint_model::text::clip;
use url::Url;

use crate::address::{canonicalize, path_of};
use crate::error::CrawlError;

/// Longest URL that is followed, in bytes.
pub(crate) const MAX_URL: usize = 2_048;

/// Resolved destination of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkTarget {
    /// URL of the site, in canonical form.
    Inside(Url),
    /// URL of another origin.
    Outside { host: String, url: String },
    /// Not a web page (`mailto:`, `javascript:`, `data:`); holds the scheme.
    OtherScheme(String),
    /// Empty, too long, or not a URL.
    Nowhere,
}

/// Base URL of the site, and the host name that counts as the same site.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    base: Url,
    alias: Option<String>,
}

impl Target {
    /// Accepts only http(s) URLs with a host; makes the base canonical.
    pub(crate) fn new(base: &Url, host_header: Option<&str>) -> Result<Self, CrawlError> {
        let base = canonicalize(base);
        let bad = |why: &str| CrawlError::BadAddress { url: base.to_string(), why: why.to_owned() };
        if !matches!(base.scheme(), "http" | "https") {
            return Err(bad("only http and https are supported"));
        }
        if base.host_str().is_none_or(str::is_empty) {
            return Err(bad("it has no host"));
        }
        Ok(Self { alias: host_header.map(|host| host.trim().to_ascii_lowercase()), base })
    }

    /// URL of the start page.
    pub(crate) const fn base(&self) -> &Url {
        &self.base
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// URL of a path of the site; `None` when it leaves the site.
    pub(crate) fn url(&self, path: &str) -> Option<Url> {
        match self.resolve(&self.base, path) {
            LinkTarget::Inside(url) => Some(url),
            _ => None,
        }
    }

    /// Resolves `href`, found on the page `from`.
    pub(crate) fn resolve(&self, from: &Url, href: &str) -> LinkTarget {
        let href = href.trim();
        if href.is_empty() || href.len() > MAX_URL {
            return LinkTarget::Nowhere;
        }
        let Ok(url) = from.join(href) else { return LinkTarget::Nowhere };
        if !matches!(url.scheme(), "http" | "https") {
            return LinkTarget::OtherScheme(clip(url.scheme(), 40).to_owned());
        }
        let url = canonicalize(&self.unalias(url));
        if url.origin() == self.base.origin() {
            return if url.as_str().len() > MAX_URL { LinkTarget::Nowhere } else { LinkTarget::Inside(url) };
        }
        LinkTarget::Outside { host: url.host_str().unwrap_or_default().to_owned(), url: url.to_string() }
    }

    /// Display form of a URL: path and query within the site, the whole URL elsewhere.
    pub(crate) fn show(&self, url: &Url) -> String {
        if url.origin() == self.base.origin() { path_of(url) } else { url.to_string() }
    }

    fn unalias(&self, mut url: Url) -> Url {
        let Some(alias) = &self.alias else { return url };
        let host = url.host_str().unwrap_or_default();
        let with_port = url.port().map(|port| format!("{host}:{port}"));
        if host != alias && with_port.as_ref() != Some(alias) {
            return url;
        }
        // The base is http(s) with a host, so its parts always fit another http(s) URL.
        let _ = url.set_scheme(self.base.scheme());
        let _ = url.set_host(self.base.host_str());
        let _ = url.set_port(self.base.port());
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(host: Option<&str>) -> Target {
        Target::new(&Url::parse("http://127.0.0.1:8000/shop/").unwrap(), host).unwrap()
    }

    #[test]
    fn links_are_classified_by_their_destination() {
        let target = target(None);
        let from = target.base().clone();
        let inside =
            |path: &str| LinkTarget::Inside(Url::parse(&format!("http://127.0.0.1:8000{path}")).unwrap());
        assert_eq!(target.resolve(&from, "book/1#top"), inside("/shop/book/1"));
        assert_eq!(target.resolve(&from, "//127.0.0.1:8000/x"), inside("/x"));
        assert!(matches!(target.resolve(&from, "http://127.0.0.1:8001/"), LinkTarget::Outside { .. }));
        assert!(matches!(target.resolve(&from, "https://127.0.0.1:8000/"), LinkTarget::Outside { .. }));
        assert_eq!(target.resolve(&from, "mailto:a@b"), LinkTarget::OtherScheme("mailto".into()));
        assert_eq!(target.resolve(&from, "javascript:void(0)"), LinkTarget::OtherScheme("javascript".into()));
        assert_eq!(target.resolve(&from, "  "), LinkTarget::Nowhere);
        assert_eq!(target.resolve(&from, &"x".repeat(MAX_URL + 1)), LinkTarget::Nowhere);
    }

    #[test]
    fn links_to_the_name_in_the_host_header_are_the_site_s_own() {
        let target = target(Some("Books.Test"));
        let expected = LinkTarget::Inside(Url::parse("http://127.0.0.1:8000/a").unwrap());
        for href in ["http://books.test/a", "https://books.test/a", "http://books.test:8000/a"] {
            assert_eq!(target.resolve(target.base(), href), expected, "{href}");
        }
        assert!(matches!(target.resolve(target.base(), "http://other.test/a"), LinkTarget::Outside { .. }));
    }

    #[test]
    fn only_http_urls_are_sites() {
        for text in ["ftp://h/", "data:text/plain,x", "file:///etc/passwd"] {
            assert!(Target::new(&Url::parse(text).unwrap(), None).is_err(), "{text}");
        }
    }
}
