//! The site as an address: which URLs belong to it, and how a path of it is asked for.
//!
//! A `Host` header may differ from where the connection goes (`--attach` to a loopback port of a named site): absolute
//! links to that name then belong to the site as well.

use url::Url;

use crate::address::{canonical, path_of};
use crate::error::CrawlError;

/// Longest address that is followed.
pub(crate) const MAX_URL: usize = 2_048;

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leads {
    /// Within the site; canonical.
    Inside(Url),
    /// To another origin: its host, and the address.
    Outside {
        /// The host.
        host: String,
        /// The address.
        url: String,
    },
    /// Not to a page at all (`mailto:`, `javascript:`, `data:`).
    OtherScheme(String),
    /// Nowhere: empty, or not an address.
    Nowhere,
}

/// The site that is visited.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    base: Url,
    alias: Option<String>,
}

impl Target {
    /// Checks the address and makes it canonical.
    pub(crate) fn new(base: &Url, host_header: Option<&str>) -> Result<Self, CrawlError> {
        let base = canonical(base);
        let bad = |why: &str| CrawlError::BadAddress { url: base.to_string(), why: why.to_owned() };
        if !matches!(base.scheme(), "http" | "https") {
            return Err(bad("only http and https are visited"));
        }
        if base.host_str().is_none_or(str::is_empty) {
            return Err(bad("it names no host"));
        }
        Ok(Self { alias: host_header.map(|host| host.trim().to_ascii_lowercase()), base })
    }

    /// The start page.
    pub(crate) const fn base(&self) -> &Url {
        &self.base
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// The address of a path of the site; `None` when it leads elsewhere.
    pub(crate) fn url(&self, path: &str) -> Option<Url> {
        match self.leads(&self.base, path) {
            Leads::Inside(url) => Some(url),
            _ => None,
        }
    }

    /// Where `href`, found on the page `from`, leads.
    pub(crate) fn leads(&self, from: &Url, href: &str) -> Leads {
        let href = href.trim();
        if href.is_empty() || href.len() > MAX_URL {
            return Leads::Nowhere;
        }
        let Ok(url) = from.join(href) else { return Leads::Nowhere };
        if !matches!(url.scheme(), "http" | "https") {
            return Leads::OtherScheme(url.scheme().chars().take(40).collect());
        }
        let url = canonical(&self.unalias(url));
        if url.origin() == self.base.origin() {
            return if url.as_str().len() > MAX_URL { Leads::Nowhere } else { Leads::Inside(url) };
        }
        Leads::Outside { host: url.host_str().unwrap_or_default().to_owned(), url: url.to_string() }
    }

    /// What a page says of where it is: a path within the site, the whole address elsewhere.
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
        // The base is http(s) with a host, so its parts always fit an http(s) address.
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
    fn links_are_told_apart_by_where_they_lead() {
        let target = target(None);
        let from = target.base().clone();
        let inside = |path: &str| Leads::Inside(Url::parse(&format!("http://127.0.0.1:8000{path}")).unwrap());
        assert_eq!(target.leads(&from, "book/1#top"), inside("/shop/book/1"));
        assert_eq!(target.leads(&from, "//127.0.0.1:8000/x"), inside("/x"));
        assert!(matches!(target.leads(&from, "http://127.0.0.1:8001/"), Leads::Outside { .. }));
        assert!(matches!(target.leads(&from, "https://127.0.0.1:8000/"), Leads::Outside { .. }));
        assert_eq!(target.leads(&from, "mailto:a@b"), Leads::OtherScheme("mailto".into()));
        assert_eq!(target.leads(&from, "javascript:void(0)"), Leads::OtherScheme("javascript".into()));
        assert_eq!(target.leads(&from, "  "), Leads::Nowhere);
        assert_eq!(target.leads(&from, &"x".repeat(MAX_URL + 1)), Leads::Nowhere);
    }

    #[test]
    fn links_to_the_name_in_the_host_header_are_the_site_s_own() {
        let target = target(Some("Books.Test"));
        let expected = Leads::Inside(Url::parse("http://127.0.0.1:8000/a").unwrap());
        for href in ["http://books.test/a", "https://books.test/a", "http://books.test:8000/a"] {
            assert_eq!(target.leads(target.base(), href), expected, "{href}");
        }
        assert!(matches!(target.leads(target.base(), "http://other.test/a"), Leads::Outside { .. }));
    }

    #[test]
    fn only_web_addresses_are_sites() {
        for text in ["ftp://h/", "data:text/plain,x", "file:///etc/passwd"] {
            assert!(Target::new(&Url::parse(text).unwrap(), None).is_err(), "{text}");
        }
    }
}
