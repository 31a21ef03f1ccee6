//! A reader of the reference bookstore who logs in once, and then searches by an algorithm.
//!
//! A scenario file cannot express it: each next word is chosen from the last response. The reader takes the rarest word of the
//! titles that were found, searches for it, and continues until a search finds one book or none. So the words differ between
//! readers, get rarer from step to step, and no cache in front can know them in advance.

use std::collections::BTreeMap;
use std::time::Duration;

use kneepoint_loadgen::{Journey, JourneyError, Response, User, async_trait};
use kneepoint_scenarios::SessionScope;

const FORM: &str = "GET /accounts/login/";
const LOGIN: &str = "POST /accounts/login/";
const SEARCH: &str = "GET /search/";

/// Maximum of searches per journey.
const SEARCHES: usize = 5;
/// One of these is searched first.
const FIRST_WORDS: [&str; 4] = ["amber", "atlas", "bright", "winter"];

pub(crate) struct Reader;

#[async_trait]
impl Journey for Reader {
    fn name(&self) -> &'static str {
        "reader"
    }

    fn endpoints(&self) -> Vec<String> {
        [FORM, LOGIN, SEARCH].map(str::to_owned).into()
    }

    // Cookies are kept from one journey to the next: a reader logs in once.
    fn session(&self) -> SessionScope {
        SessionScope::User
    }

    async fn run(&self, user: &mut User<'_>) -> Result<(), JourneyError> {
        if user.is_first_journey() {
            log_in(user).await?;
        }
        let mut word = user.pick(&FIRST_WORDS).map_or_else(String::new, |word| (*word).to_owned());
        for _ in 0..SEARCHES {
            user.think_between(Duration::from_millis(300), Duration::from_millis(1200)).await;
            let found = user.get(SEARCH, format!("/search/?q={word}")).check(is_a_list).send().await?;
            match rarest(&titles(&found.text()), &word) {
                Some(next) => word = next,
                None => break,
            }
        }
        Ok(())
    }
}

/// The form contains a token that must be sent back with the name.
async fn log_in(user: &mut User<'_>) -> Result<(), JourneyError> {
    let form = user.get(FORM, "/accounts/login/").status(&[200]).send().await?;
    let token = form
        .between("name=\"csrfmiddlewaretoken\" value=\"", "\"")
        .ok_or_else(|| JourneyError::give_up("the form of the login holds no token"))?;
    // The bookstore has readers 1 to 20.
    let reader = format!("reader{:04}", (user.number() - 1) % 20 + 1);
    let fields =
        [("csrfmiddlewaretoken", token.as_str()), ("username", &reader), ("password", "throw-away-reader")];
    user.post(LOGIN, "/accounts/login/").form(fields).contains("Log out").send().await?;
    Ok(())
}

/// A page with status 200 may still be another one.
fn is_a_list(response: &Response) -> Result<(), String> {
    if response.text().contains("found.") { Ok(()) } else { Err("the page is no list of books".to_owned()) }
}

/// The titles of a page of results: the texts of its links to books.
fn titles(page: &str) -> Vec<&str> {
    let links = page.split("<a href=\"/books/").skip(1);
    links.filter_map(|link| link.split_once('>')?.1.split_once('<')).map(|(title, _)| title).collect()
}

/// The word that occurs in the fewest titles, the first by alphabet among several. `None` when there are fewer than two titles
/// or no new word.
fn rarest(titles: &[&str], last: &str) -> Option<String> {
    if titles.len() < 2 {
        return None;
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for title in titles {
        let words = title.split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 4);
        for word in words.map(str::to_lowercase).filter(|word| word != last) {
            *counts.entry(word).or_default() += 1;
        }
    }
    counts.into_iter().min_by_key(|(_, count)| *count).map(|(word, _)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rarest_word_is_searched_next() {
        let page = "<ul><li><a href=\"/books/1/\">Amber Harbour</a><li><a href=\"/books/2/\">Harbour of Winter</a>\
                    <a href=\"/authors/3/\">Nobody Special</a></ul>";
        let titles = titles(page);
        assert_eq!(titles, ["Amber Harbour", "Harbour of Winter"]);
        assert_eq!(rarest(&titles, "amber").as_deref(), Some("winter"));
        assert_eq!(rarest(&titles[..1], "amber"), None);
    }
}
