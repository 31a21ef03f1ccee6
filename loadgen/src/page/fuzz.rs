//! Fuzz tests of the HTML reader and of header parsers, which read untrusted input: no panic, bounded output, and no address of
//! another site.

use std::time::{Duration, Instant};

use url::Url;

use super::BrowserCache;
use super::asset_selection::select_assets;
use super::page_links::{MAX_ASSETS, read_links};
use crate::fuzz_inputs::for_each_mutation;
use crate::transport::ResponseHead;
use crate::user::cookies::CookieJar;
use crate::user::links::SiteOrigin;
use crate::user::response::{cache_outcome, server_timing};

const PAGES: [&[u8]; 4] = [
    b"<!doctype html><base href=\"/shop/\"><link rel=\"stylesheet icon\" href=a.css><script src='b.js?v=1'></script><img src=i.png srcset=\"i2.png 2x, /i3.png 300w\">",
    b"<picture><source type=image/webp srcset='a.webp 1x,b.webp'><img src=a.png></picture><!-- <img src=no.png> --><template><img src=t.png></template>",
    b"<title><img src=x></title><svg><title>y</title><style>z</style></svg><noscript><img src=n.png></noscript><img src=//cdn.test/a.png>",
    b"<link rel=preload as=font href=http://shop.test/f.woff2><img loading=lazy src=&#x2f;l.png><a href=/no><img src='data:image/png;base64,AA'>",
];

const FIELDS: [&[u8]; 4] = [
    b"Cache-Control: max-age=60, private, no-cache=\"set-cookie\"\r\nAge: 3\r\nETag: W/\"a\"\r\nVary: Cookie, accept-encoding\r\n",
    b"Set-Cookie: a=\"1\"; Path=/shop; Max-Age=0; Expires=Wed, 21 Oct 2026 07:28:00 GMT\r\nSet-Cookie: b=2\r\nExpires: 0\r\n",
    b"Server-Timing: app;dur=4.5, db;dur=2;desc=\"3 queries\", route;desc=\"item/<id>\"\r\nCache-Status: nginx; fwd=uri-miss, \"b\"; hit; ttl=-1\r\n",
    b"Last-Modified: Wed, 21 Oct 2026 07:28:00 GMT\r\nDate: Wed, 21 Oct 2026 08:28:00 GMT\r\nContent-Encoding: gzip, br\r\nLocation: ../x?y#z\r\n",
];

#[test]
fn mutated_pages_are_read_within_bounds() {
    let site = SiteOrigin::new(&Url::parse("http://127.0.0.1:8000/").expect("url"), Some("shop.test"));
    let mut named = 0_u64;
    let inputs = for_each_mutation(&PAGES, |page, _| {
        let selection = select_assets(&site, "/books/7/?page=2", &read_links(&String::from_utf8_lossy(page)));
        assert!(
            selection.paths.len() <= MAX_ASSETS
                && selection.paths.iter().all(|path| path.as_str().starts_with('/'))
        );
        named += selection.paths.len() as u64;
    });
    assert!(named > inputs / 10, "only {named} assets in {inputs} pages");
}

#[test]
fn mutated_heads_are_parsed_without_panic() {
    let now = Instant::now();
    let (mut jar, mut browser_cache) = (CookieJar::default(), BrowserCache::default());
    let (mut read, mut timed, mut cookies) = (0_u64, 0_u64, 0_u64);
    let inputs = for_each_mutation(&FIELDS, |fields, _| {
        for status in [&b"HTTP/1.1 200 OK\r\n"[..], b"HTTP/1.1 304 Not Modified\r\n"] {
            let text = [status, fields, b"\r\n"].concat();
            let Ok(Some((head, _))) = ResponseHead::parse(&text, false) else { continue };
            read += 1;
            timed += u64::from(server_timing(&head).is_some());
            let _ = (cache_outcome(&head), head.body_encoding());
            jar.store(&head);
            let sent = jar.header("/shop/x");
            cookies += u64::from(sent.is_some());
            browser_cache.store_response("/a.css", sent.as_deref(), &head, now);
            let _ = browser_cache.usage("/a.css", sent.as_deref(), now + Duration::from_secs(30));
            let _ = jar.header("/");
        }
        if cookies % 1_000 == 0 {
            jar.clear();
        }
    });
    assert!(read > inputs / 2 && timed > inputs / 10 && cookies > inputs / 10, "{read} {timed} {cookies}");
}
