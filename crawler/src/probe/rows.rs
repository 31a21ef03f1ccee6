//! How many rows an answer really holds: what was asked for may be capped by the site, or by the rows that there are.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use crate::address::template;
use crate::html;
use crate::http::Answer;
use crate::target::{Leads, Target};

/// What an answer to one size gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sized {
    /// Rows asked for.
    pub(crate) asked: u32,
    /// Length of the body.
    pub(crate) length: usize,
    /// Statements made.
    pub(crate) queries: u32,
    /// Repeated things in it, by kind: rows of a list, links of one shape.
    pub(crate) counts: BTreeMap<String, u32>,
}

/// Everything in a page that may be a row: in JSON its list, in HTML the different links of each shape.
pub(crate) fn counts(target: &Target, url: &Url, answer: &Answer) -> BTreeMap<String, u32> {
    let body = answer.body.bytes();
    match answer.content_type().as_deref() {
        Some("text/html") => {
            let document = html::read(&String::from_utf8_lossy(body));
            let mut shapes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for href in &document.links {
                if let Leads::Inside(link) = target.leads(url, href) {
                    let shape = template(link.path());
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
            html::json_rows(body).map(|rows| ("rows".to_owned(), rows)).into_iter().collect()
        }
        _ => BTreeMap::new(),
    }
}

/// Points (rows, statements) from answers to growing sizes; `None` when the size made no difference.
///
/// Rows are counted where something in the page is there exactly as often as was asked for at the smallest size, and
/// never more often than asked; otherwise they are taken as asked for, as long as the page still grew.
pub(crate) fn points(answers: &[Sized]) -> Option<Vec<(u32, u32)>> {
    let (first, last) = (answers.first()?, answers.last()?);
    if let Some(kind) = counted(answers) {
        let mut points: Vec<(u32, u32)> = Vec::new();
        for answer in answers {
            let rows = answer.counts.get(kind).copied().unwrap_or(0);
            if points.iter().all(|(known, _)| *known != rows) {
                points.push((rows, answer.queries));
            }
        }
        return (points.len() >= 2).then_some(points);
    }
    if !grew(first.length, last.length, 3) {
        return None;
    }
    let mut points = vec![(first.asked, first.queries)];
    let mut length = first.length;
    for answer in &answers[1..] {
        if !grew(length, answer.length, 1) {
            break;
        }
        length = answer.length;
        points.push((answer.asked, answer.queries));
    }
    (points.len() >= 2).then_some(points)
}

/// What is there once a row, if anything; of several the one that follows the size furthest.
fn counted(answers: &[Sized]) -> Option<&str> {
    let (first, last) = (answers.first()?, answers.last()?);
    first
        .counts
        .iter()
        .filter(|(_, count)| **count == first.asked)
        .filter_map(|(kind, count)| {
            let in_all: Option<Vec<u32>> =
                answers.iter().map(|answer| answer.counts.get(kind).copied()).collect();
            let honest = in_all?.iter().zip(answers).all(|(count, answer)| *count <= answer.asked);
            let grown = *last.counts.get(kind)?;
            (honest && grown > *count).then_some((grown, kind.as_str()))
        })
        .max()
        .map(|(_, kind)| kind)
}

fn grew(before: usize, after: usize, percent: usize) -> bool {
    after > before && (after - before) * 100 >= before * percent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sized(asked: u32, length: usize, queries: u32, rows: Option<u32>) -> Sized {
        let counts = rows.map(|rows| ("/books/<n>/".to_owned(), rows)).into_iter().collect();
        Sized { asked, length, queries, counts }
    }

    #[test]
    fn rows_are_counted_where_they_can_be() {
        let answers =
            [sized(4, 1_000, 6, Some(4)), sized(12, 3_000, 14, Some(12)), sized(24, 5_000, 22, Some(20))];
        assert_eq!(points(&answers).unwrap(), [(4, 6), (12, 14), (20, 22)], "capped at 20");
    }

    #[test]
    fn a_cap_ends_the_points() {
        let answers = [sized(4, 1_000, 6, None), sized(12, 3_000, 14, None), sized(24, 3_000, 14, None)];
        assert_eq!(points(&answers).unwrap(), [(4, 6), (12, 14)]);
        let answers =
            [sized(4, 1_000, 6, Some(4)), sized(12, 2_000, 12, Some(10)), sized(24, 2_000, 12, Some(10))];
        assert_eq!(points(&answers).unwrap(), [(4, 6), (10, 12)]);
    }

    #[test]
    fn a_page_that_does_not_listen_gives_nothing() {
        let answers = [sized(4, 1_000, 6, None), sized(12, 1_000, 5, None), sized(24, 1_002, 5, None)];
        assert_eq!(points(&answers), None);
        let answers =
            [sized(4, 1_000, 6, Some(20)), sized(12, 1_000, 5, Some(20)), sized(24, 1_001, 5, Some(20))];
        assert_eq!(points(&answers), None, "always twenty");
        assert_eq!(points(&[]), None);
    }
}
