//! The N+1 test: requests the same list at several sizes and compares the number of SQL statements.
//!
//! Only pages whose size parameter has an effect and whose application reports its statements give a result. No
//! result does not mean that there is no N+1.

use kneepoint_model::probe::SlopeTest;
use kneepoint_model::site::CrawledPage;
use url::Url;

use super::least_squares::least_squares;
use super::probe_client::{ProbeClient, ProbeEnded};
use super::row_count::{SizedResponse, count_repeated_items, row_points};
use crate::http::Response;

/// Query parameters that set the size of a list, most common first.
const PARAMETERS: [&str; 5] = ["page_size", "limit", "per_page", "pagesize", "page-size"];
/// Number of parameters tried when the page names none.
const MAX_GUESSED: usize = 3;
/// Requested first and not counted: absorbs one-time costs (a cached total, a prepared statement).
const WARM_UP_SIZE: u32 = 3;
/// Sizes of the test, ascending.
const SIZES: [u32; 3] = [4, 12, 24];

/// Measures statements per row on one page; `None` when the page is not a list or reports no statements.
pub(crate) async fn measure_slope(
    client: &mut ProbeClient<'_>,
    page: &CrawledPage,
    plain: &Response,
) -> Result<Option<SlopeTest>, ProbeEnded> {
    let Some(url) = client.target.url(&page.path) else { return Ok(None) };
    if plain.server_timing().db_queries.is_none() && !plain.cache_outcome().is_hit() {
        return Ok(None);
    }
    let named: Vec<&str> = PARAMETERS.into_iter().filter(|name| uses_parameter(page, name)).collect();
    let is_list = count_repeated_items(&client.target, &url, plain).values().any(|count| *count >= 2);
    let tried = match named.as_slice() {
        [] if !is_list => return Ok(None),
        [] => PARAMETERS[..MAX_GUESSED].to_vec(),
        _ => named,
    };
    for parameter in tried {
        if let Some(test) = test_parameter(client, &url, parameter).await? {
            return Ok(Some(test));
        }
    }
    Ok(None)
}

/// True when the page or one of its links sets this parameter on the page's own path.
fn uses_parameter(page: &CrawledPage, parameter: &str) -> bool {
    let own_path = page.path.split('?').next().unwrap_or_default();
    page.links.iter().chain([&page.path]).any(|link| {
        link.split_once('?').is_some_and(|(path, query)| {
            path == own_path && query.split('&').any(|pair| pair.split('=').next() == Some(parameter))
        })
    })
}

async fn test_parameter(
    client: &mut ProbeClient<'_>,
    url: &Url,
    parameter: &str,
) -> Result<Option<SlopeTest>, ProbeEnded> {
    let mut responses: Vec<SizedResponse> = Vec::new();
    let mut repeats = None;
    for size in [WARM_UP_SIZE].into_iter().chain(SIZES) {
        let url = with_size(url, parameter, size);
        let Ok(response) = client.get(&url, None).await? else { return Ok(None) };
        let timing = response.server_timing();
        let Some(queries) = timing.db_queries.filter(|_| response.status == 200) else { return Ok(None) };
        repeats = timing.repeats.zip(timing.repeated_digest);
        if size != WARM_UP_SIZE {
            let counts = count_repeated_items(&client.target, &url, &response);
            responses.push(SizedResponse {
                requested: size,
                length: response.body.bytes().len(),
                queries,
                counts,
            });
        }
        // Two sizes that give the same page: the parameter has no effect here.
        if responses.len() == 2 && row_points(&responses).is_none() {
            return Ok(None);
        }
    }
    let Some(points) = row_points(&responses) else { return Ok(None) };
    let Some(fit) = least_squares(&points) else { return Ok(None) };
    Ok(Some(SlopeTest {
        parameter: parameter.to_owned(),
        points,
        slope: fit.slope,
        residual: fit.residual,
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
