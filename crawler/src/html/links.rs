//! Bounded lists of addresses that a page names, shared by the readers of HTML, CSS and JSON.

/// Most addresses that are taken from one page.
pub(crate) const MAX_LINKS: usize = 1_000;
/// Longest address that is kept.
const MAX_HREF: usize = 2_048;

/// Adds an address unless it is already listed, too long, or inline data.
pub(super) fn push_link(list: &mut Vec<String>, href: &str) {
    let href = href.trim();
    let inline = href.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:"));
    if href.is_empty() || href.len() > MAX_HREF || inline || list.len() >= MAX_LINKS {
        return;
    }
    // A linear search through at most a thousand short strings is cheaper than a second set of them.
    if !list.iter().any(|known| known == href) {
        list.push(href.to_owned());
    }
}
