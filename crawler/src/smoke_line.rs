//! The smoke test's result as one line per page, in the style of a test runner: `FAILED  Front page: 500`.

use std::fmt;

use kneepoint_model::site::{CrawledPage, PageKind, PageProblem, PageVerdict, SiteMap};

/// Result of one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmokeLine {
    /// Decides the word at the start of the line.
    pub verdict: PageVerdict,
    /// Title of the page, or its path when it has none.
    pub name: String,
    /// Path and query.
    pub path: String,
    /// Problems, joined by `; `; empty when the page passed.
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

/// One line per page, failed pages first; assets are listed only when they have a problem.
pub fn smoke_lines(site: &SiteMap) -> Vec<SmokeLine> {
    let is_listed = |page: &&CrawledPage| page.kind != PageKind::Asset || page.verdict != PageVerdict::Passed;
    let mut lines: Vec<SmokeLine> = site.pages.iter().filter(is_listed).map(smoke_line).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.verdict));
    lines
}

fn smoke_line(page: &CrawledPage) -> SmokeLine {
    let mut why: Vec<String> = page.problems.iter().map(describe_problem).collect();
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

fn describe_problem(problem: &PageProblem) -> String {
    match problem {
        PageProblem::ServerError { status } => format!("server error {status}"),
        PageProblem::BrokenLink { status: 401 } => "requires a login (401)".to_owned(),
        PageProblem::BrokenLink { status: 403 } => "forbidden (403)".to_owned(),
        PageProblem::BrokenLink { status } => format!("broken link ({status})"),
        PageProblem::Timeout { after_us } => format!("no response within {after_us}"),
        PageProblem::Connection { why } => why.clone(),
        PageProblem::RedirectLoop => "redirects form a loop".to_owned(),
        PageProblem::DebugPage => "shows a debug page: turn DEBUG off".to_owned(),
        PageProblem::NoTitle => "no title".to_owned(),
        PageProblem::NotCompressed { bytes, gzip_bytes } => {
            format!("not compressed: {bytes}, {gzip_bytes} with gzip")
        }
        PageProblem::NoCacheHeaders => "no cache lifetime in the headers".to_owned(),
        PageProblem::Heavy { bytes } => format!("heavy: {bytes}"),
        PageProblem::Marker { seen } => format!("shows `{seen}`"),
    }
}
