//! One address, followed through its redirects by hand to where it ends.
//!
//! Redirects are followed within the site only, and only to where a link might be followed: not out of robots.txt's
//! bounds (a login page is often behind them), and not to a page that logs out.

use std::time::Duration;

use url::Url;

use super::scope::Scope;
use crate::http::{Answer, Client, NoAnswer};
use crate::target::Leads;

/// Most redirects that are followed; browsers stop at 20, and a site that needs ten has a problem.
const MAX_REDIRECTS: usize = 10;

/// How it ended.
#[derive(Debug)]
pub(crate) enum End {
    /// With an answer; a redirect that was not followed is one as well.
    Answer(Box<Answer>),
    /// Without one.
    NoAnswer(NoAnswer),
    /// In a circle, or not within ten steps.
    Loop,
}

/// The way and its end.
#[derive(Debug)]
pub(crate) struct Trip {
    /// Where redirects led, in order: paths, or whole addresses where they left the site.
    pub(crate) redirects: Vec<String>,
    /// The last address asked.
    pub(crate) last: Url,
    /// Time spent on redirects before the last address was asked.
    pub(crate) before: Duration,
    /// The last redirect was recorded, but not followed.
    pub(crate) stopped: bool,
    /// How it ended.
    pub(crate) end: End,
}

/// Asks for `url` and follows.
pub(crate) async fn follow(client: &Client, scope: &Scope, url: &Url) -> Trip {
    let mut trip = Trip {
        redirects: Vec::new(),
        last: url.clone(),
        before: Duration::ZERO,
        stopped: false,
        end: End::Loop,
    };
    let mut asked = vec![url.clone()];
    loop {
        let answer = match client.get(&trip.last, None).await {
            Ok(answer) => answer,
            Err(none) => {
                trip.end = End::NoAnswer(none);
                return trip;
            }
        };
        let Some(location) = answer.location() else {
            trip.end = End::Answer(Box::new(answer));
            return trip;
        };
        match scope.target.leads(&trip.last, &location) {
            Leads::Inside(next) => {
                trip.redirects.push(scope.target.show(&next));
                if asked.contains(&next) || trip.redirects.len() > MAX_REDIRECTS {
                    return trip;
                }
                if scope.judge(&next).is_err() {
                    return trip.stop(answer);
                }
                trip.before += answer.total;
                asked.push(next.clone());
                trip.last = next;
            }
            Leads::Outside { url, .. } => {
                trip.redirects.push(url.chars().take(2_048).collect());
                return trip.stop(answer);
            }
            Leads::OtherScheme(_) | Leads::Nowhere => return trip.stop(answer),
        }
    }
}

impl Trip {
    fn stop(mut self, answer: Answer) -> Self {
        self.stopped = true;
        self.end = End::Answer(Box::new(answer));
        self
    }
}
