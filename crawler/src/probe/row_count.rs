//! Counts the rows that a response really contains: the requested size may be capped by the site or by the data.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use crate::address::path_template;
use crate::html;
use crate::http::Response;
use crate::target::{LinkTarget, Target};

/// Response to one requested size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SizedResponse {
    /// Number of rows requested.
    pub(crate) requested: u32,
    /// Length of the decoded body, in bytes.
    pub(crate) length: usize,
    /// SQL statements, as reported by the server.
    pub(crate) queries: u32,
    /// Repeated items by kind: rows of a JSON list, different links of one template.
    pub(crate) counts: BTreeMap<String, u32>,
}

/// Everything in a page that may be a row: in JSON its list, in HTML the different links of each template.
pub(crate) fn count_repeated_items(target: &Target, url: &Url, response: &Response) -> BTreeMap<String, u32> {
    let body = response.body.bytes();
    match response.content_type().as_deref() {
        Some("text/html") => {
            let document = html::read_html(&String::from_utf8_lossy(body));
            let mut shapes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for href in &document.links {
                if let LinkTarget::Inside(link) = target.resolve(url, href) {
                    let shape = path_template(link.path());
                    if shape != link.path() {
                        shapes.entry(shape).or_default().insert(link.path().to_owned());
                    }
                }
            }
            shapes
                .into_iter()
                .map(|(shape, paths)| (shape, u32::try_from(paths.len()).unwrap_or(u32::MAX)))
                .collect()
        }
        Some(kind) if kind.ends_with("json") => {
            html::count_json_rows(body).map(|rows| ("rows".to_owned(), rows)).into_iter().collect()
        }
        _ => BTreeMap::new(),
    }
}

/// Points (rows, statements) of growing sizes; `None` when the size has no effect.
///
/// Rows are counted when some item occurs exactly as often as requested at the smallest size and never more often
/// than requested. Otherwise the requested number is used, as long as the body still grows.
pub(crate) fn row_points(responses: &[SizedResponse]) -> Option<Vec<(u32, u32)>> {
    let (first, last) = (responses.first()?, responses.last()?);
    if let Some(kind) = kind_that_counts_rows(responses) {
        let mut points: Vec<(u32, u32)> = Vec::new();
        for response in responses {
            let rows = response.counts.get(kind).copied().unwrap_or(0);
            if points.iter().all(|(known, _)| *known != rows) {
                points.push((rows, response.queries));
            }
        }
        return (points.len() >= 2).then_some(points);
    }
    if !has_grown(first.length, last.length, 3) {
        return None;
    }
    let mut points = vec![(first.requested, first.queries)];
    let mut length = first.length;
    for response in &responses[1..] {
        if !has_grown(length, response.length, 1) {
            break;
        }
        length = response.length;
        points.push((response.requested, response.queries));
    }
    (points.len() >= 2).then_some(points)
}

/// The kind of item that occurs once per row; of several, the one that grows furthest.
fn kind_that_counts_rows(responses: &[SizedResponse]) -> Option<&str> {
    let (first, last) = (responses.first()?, responses.last()?);
    first
        .counts
        .iter()
        .filter(|(_, count)| **count == first.requested)
        .filter_map(|(kind, count)| {
            let in_all: Option<Vec<u32>> =
                responses.iter().map(|response| response.counts.get(kind).copied()).collect();
            let honest = in_all?.iter().zip(responses).all(|(count, response)| *count <= response.requested);
            let grown = *last.counts.get(kind)?;
            (honest && grown > *count).then_some((grown, kind.as_str()))
        })
        .max()
        .map(|(_, kind)| kind)
}

fn has_grown(before: usize, after: usize, percent: usize) -> bool {
    after > before && (after - before) * 100 >= before * percent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sized(requested: u32, length: usize, queries: u32, rows: Option<u32>) -> SizedResponse {
        let counts = rows.map(|rows| ("/books/<n>/".to_owned(), rows)).into_iter().collect();
        SizedResponse { requested, length, queries, counts }
    }

    #[test]
    fn rows_are_counted_where_they_can_be() {
        let responses =
            [sized(4, 1_000, 6, Some(4)), sized(12, 3_000, 14, Some(12)), sized(24, 5_000, 22, Some(20))];
        assert_eq!(row_points(&responses).unwrap(), [(4, 6), (12, 14), (20, 22)], "capped at 20");
    }

    #[test]
    fn a_cap_ends_the_points() {
        let responses = [sized(4, 1_000, 6, None), sized(12, 3_000, 14, None), sized(24, 3_000, 14, None)];
        assert_eq!(row_points(&responses).unwrap(), [(4, 6), (12, 14)]);
        let responses =
            [sized(4, 1_000, 6, Some(4)), sized(12, 2_000, 12, Some(10)), sized(24, 2_000, 12, Some(10))];
        assert_eq!(row_points(&responses).unwrap(), [(4, 6), (10, 12)]);
    }

    #[test]
    fn a_page_that_ignores_the_size_gives_nothing() {
        let responses = [sized(4, 1_000, 6, None), sized(12, 1_000, 5, None), sized(24, 1_002, 5, None)];
        assert_eq!(row_points(&responses), None);
        let responses =
            [sized(4, 1_000, 6, Some(20)), sized(12, 1_000, 5, Some(20)), sized(24, 1_001, 5, Some(20))];
        assert_eq!(row_points(&responses), None, "always twenty");
        assert_eq!(row_points(&[]), None);
    }
}
