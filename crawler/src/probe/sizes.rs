//! The N+1 test: the same list at several sizes, and how many statements each took.
//!
//! Only a page that answers differently to a size is used, and only one whose application says how many statements it
//! made; everything else is no result, which is not the same as no N+1.

use kneepoint_model::probe::SlopeTest;
use kneepoint_model::site::CrawledPage;
use url::Url;

use super::asker::{Asker, Over};
use super::line::least_squares;
use super::rows::{Sized, counts, points};
use crate::http::Answer;

/// Query parameters that set the size of a list, the commonest first.
const PARAMETERS: [&str; 5] = ["page_size", "limit", "per_page", "pagesize", "page-size"];
/// How many of them are tried where the page names none.
const TRIED: usize = 3;
/// Asked for first and not counted: it pays for what is only paid once (a cached total, a prepared statement).
const THROWN_AWAY: u32 = 3;
/// The sizes, growing.
const SIZES: [u32; 3] = [4, 12, 24];

/// Tries the sizes on one page.
pub(crate) async fn slope(
    asker: &mut Asker<'_>,
    page: &CrawledPage,
    alone: &Answer,
) -> Result<Option<SlopeTest>, Over> {
    let Some(url) = asker.target.url(&page.path) else { return Ok(None) };
    if alone.server_timing().db_queries.is_none() && !alone.cache_outcome().is_hit() {
        return Ok(None);
    }
    let named: Vec<&str> = PARAMETERS.into_iter().filter(|name| names(page, name)).collect();
    let is_list = counts(&asker.target, &url, alone).values().any(|count| *count >= 2);
    let tried = match named.as_slice() {
        [] if !is_list => return Ok(None),
        [] => PARAMETERS[..TRIED].to_vec(),
        _ => named,
    };
    for parameter in tried {
        if let Some(test) = one(asker, &url, parameter).await? {
            return Ok(Some(test));
        }
    }
    Ok(None)
}

/// Does the page itself, or a link on it, set this parameter on its own path?
fn names(page: &CrawledPage, parameter: &str) -> bool {
    let own = page.path.split('?').next().unwrap_or_default();
    page.links.iter().chain([&page.path]).any(|link| {
        link.split_once('?').is_some_and(|(path, query)| {
            path == own && query.split('&').any(|pair| pair.split('=').next() == Some(parameter))
        })
    })
}

async fn one(asker: &mut Asker<'_>, url: &Url, parameter: &str) -> Result<Option<SlopeTest>, Over> {
    let mut answers: Vec<Sized> = Vec::new();
    let mut repeats = None;
    for size in [THROWN_AWAY].into_iter().chain(SIZES) {
        let url = with_size(url, parameter, size);
        let Ok(answer) = asker.get(&url, None).await? else { return Ok(None) };
        let timing = answer.server_timing();
        let Some(queries) = timing.db_queries.filter(|_| answer.status == 200) else { return Ok(None) };
        repeats = timing.repeats.zip(timing.repeated_digest);
        if size != THROWN_AWAY {
            let counts = counts(&asker.target, &url, &answer);
            answers.push(Sized { asked: size, length: answer.body.bytes().len(), queries, counts });
        }
        // Two sizes that give the same page: this parameter means nothing here.
        if answers.len() == 2 && points(&answers).is_none() {
            return Ok(None);
        }
    }
    let Some(points) = points(&answers) else { return Ok(None) };
    let Some(line) = least_squares(&points) else { return Ok(None) };
    Ok(Some(SlopeTest {
        parameter: parameter.to_owned(),
        points,
        slope: line.slope,
        residual: line.residual,
        repeats,
    }))
}

fn with_size(url: &Url, parameter: &str, size: u32) -> Url {
    let mut sized = url.clone();
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| name != parameter && name != "page" && name != "offset")
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    sized.query_pairs_mut().clear().extend_pairs(kept).append_pair(parameter, &size.to_string());
    sized
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_replaces_itself_and_the_page() {
        let url = Url::parse("http://h/list/?q=a%20b&page=7&limit=50").unwrap();
        assert_eq!(with_size(&url, "limit", 4).as_str(), "http://h/list/?q=a+b&limit=4");
    }
}
