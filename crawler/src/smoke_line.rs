//! The smoke test's result, one line a page, as a test runner would say it: `FAILED  Front page: 500`.

use std::fmt;

use kneepoint_model::site::{CrawledPage, PageKind, PageProblem, PageVerdict, SiteMap};

/// One page, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmokeLine {
    /// Passed, warned or failed.
    pub verdict: PageVerdict,
    /// Title of the page, or its path where it has none.
    pub name: String,
    /// Path and query.
    pub path: String,
    /// What is wrong, in a few words; empty when nothing is.
    pub why: String,
}

impl fmt::Display for SmokeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.verdict {
            PageVerdict::Passed => "PASSED",
            PageVerdict::Warned => "WARNED",
            PageVerdict::Failed => "FAILED",
        };
        write!(f, "{word}  {}", self.name)?;
        if self.name != self.path {
            write!(f, " ({})", self.path)?;
        }
        if self.why.is_empty() { Ok(()) } else { write!(f, ": {}", self.why) }
    }
}

/// Every page that a visitor may see, the broken ones first; assets only where something is wrong with them.
pub fn smoke_lines(site: &SiteMap) -> Vec<SmokeLine> {
    let speaks = |page: &&CrawledPage| page.kind != PageKind::Asset || page.verdict != PageVerdict::Passed;
    let mut lines: Vec<SmokeLine> = site.pages.iter().filter(speaks).map(line).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.verdict));
    lines
}

fn line(page: &CrawledPage) -> SmokeLine {
    let mut why: Vec<String> = page.problems.iter().map(words).collect();
    if page.verdict == PageVerdict::Failed
        && let Some(from) = page.linked_from.first()
    {
        why.push(format!("linked from {from}"));
    }
    SmokeLine {
        verdict: page.verdict,
        name: page.title.clone().unwrap_or_else(|| page.path.clone()),
        path: page.path.clone(),
        why: why.join("; "),
    }
}

fn words(problem: &PageProblem) -> String {
    match problem {
        PageProblem::ServerError { status } => format!("server error {status}"),
        PageProblem::BrokenLink { status: 401 } => "wants a login (401)".to_owned(),
        PageProblem::BrokenLink { status: 403 } => "forbidden (403)".to_owned(),
        PageProblem::BrokenLink { status } => format!("broken link ({status})"),
        PageProblem::Timeout { after_us } => format!("no answer within {after_us}"),
        PageProblem::Connection { why } => why.clone(),
        PageProblem::RedirectLoop => "redirects lead in a circle".to_owned(),
        PageProblem::DebugPage => "shows a debug page: switch DEBUG off".to_owned(),
        PageProblem::NoTitle => "no title".to_owned(),
        PageProblem::NotCompressed { bytes, gzip_bytes } => {
            format!("not compressed: {bytes}, with gzip {gzip_bytes}")
        }
        PageProblem::NoCacheHeaders => "no lifetime for caches".to_owned(),
        PageProblem::Heavy { bytes } => format!("heavy: {bytes}"),
        PageProblem::Marker { seen } => format!("shows `{seen}`"),
    }
}
