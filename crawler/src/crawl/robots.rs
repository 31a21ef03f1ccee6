//! Parses robots.txt with bounds: disallowed paths, crawl delay and sitemaps.

use std::time::Duration;

use texting_robots::Robot;

/// Most bytes that are read (RFC 9309 §2.5 requires at least 500 KiB).
const MAX_BYTES: usize = 500 << 10;
/// Most lines that are read, because every rule is tried on every URL.
const MAX_LINES: usize = 5_000;
/// Longest crawl delay that is honoured, in seconds: a smoke crawl has a minute.
const MAX_DELAY: f32 = 1.0;

/// Rules of robots.txt; everything is allowed when the file is missing.
#[derive(Debug, Default)]
pub(crate) struct Robots(Option<Robot>);

impl Robots {
    /// Parses robots.txt; lines that are not readable forbid nothing.
    pub(crate) fn parse(robot: &str, text: &[u8]) -> Self {
        let text = &text[..text.len().min(MAX_BYTES)];
        let lines: Vec<&[u8]> = text.split(|byte| matches!(byte, b'\n' | b'\r')).take(MAX_LINES).collect();
        Self(Robot::new(robot, &lines.join(&b'\n')).ok())
    }

    /// True when this path (with its query) may be visited.
    pub(crate) fn allows(&self, path: &str) -> bool {
        self.0.as_ref().is_none_or(|robot| robot.allowed(path))
    }

    /// Pause between requests.
    pub(crate) fn delay(&self) -> Duration {
        let seconds = self.0.as_ref().and_then(|robot| robot.delay).unwrap_or(0.0);
        if seconds.is_finite() && seconds > 0.0 {
            Duration::from_secs_f32(seconds.min(MAX_DELAY))
        } else {
            Duration::ZERO
        }
    }

    /// URLs of the sitemaps, as written.
    pub(crate) fn sitemaps(&self) -> &[String] {
        self.0.as_ref().map_or(&[], |robot| &robot.sitemaps)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rules_delay_and_sitemaps_are_read() {
        let text = b"User-agent: *\nDisallow: /private/\nAllow: /private/open\nDisallow: /*.pdf$\nCrawl-delay: 30\n\nSitemap: http://h/s.xml\n";
        let robots = Robots::parse("kneepoint", text);
        let allowed =
            ["/", "/private/x", "/private/open", "/a.pdf", "/a.pdf?x"].map(|path| robots.allows(path));
        assert_eq!(allowed, [true, false, true, false, true]);
        assert_eq!(robots.delay(), Duration::from_secs(1));
        assert_eq!(robots.sitemaps(), ["http://h/s.xml"]);
    }

    #[test]
    fn a_section_that_names_us_comes_before_the_one_for_all() {
        let robots = Robots::parse(
            "kneepoint",
            b"User-agent: *\nDisallow: /\n\nUser-agent: kneepoint\nDisallow: /x\n",
        );
        assert!(robots.allows("/") && !robots.allows("/x"));
    }

    #[test]
    fn without_rules_everything_may_be_visited() {
        assert!(
            Robots::default().allows("/") && Robots::parse("kneepoint", b"<html>404</html>").allows("/x")
        );
    }

    proptest! {
        #[test]
        fn garbage_is_survived(text in proptest::collection::vec(any::<u8>(), 0..2_000), path in "/[ -~]{0,40}") {
            let robots = Robots::parse("kneepoint", &text);
            robots.allows(&path);
            prop_assert!(robots.delay() <= Duration::from_secs(1));
        }

        #[test]
        fn odd_rules_are_survived(text in "((User-agent|Disallow|Allow|Crawl-delay|Sitemap): ?[*$/a-z0-9.é%-]{0,12}\r?\n){0,30}", path in "/[a-z*$]{0,20}") {
            let robots = Robots::parse("kneepoint", text.as_bytes());
            robots.allows(&path);
            prop_assert!(robots.delay() <= Duration::from_secs(1));
        }
    }
}
