//! The rounds: every page once for each worker, until two rounds say the same.
//!
//! Copies of one page are sent together, so that they meet different workers; visitors have no cookies, so what a shared
//! cache may keep is what gets warm.

use std::time::{Duration, Instant};

use kneepoint_model::cache_status::CacheOutcome;
use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::run::FORMAT_VERSION;
use kneepoint_model::stage::Stage;
use kneepoint_model::units::{Micros, Ratio};
use kneepoint_model::warm::{WarmResult, WarmRound};
use tokio::task::JoinSet;
use url::Url;

use super::flat::is_flat;
use super::plan::WarmPlan;
use crate::error::CrawlError;
use crate::http::{Answer, Client, ClientPlan, NoAnswer, Refusal};
use crate::runtime::{block_on, cancelled};
use crate::target::Target;

/// Asks for the pages, round after round, until response times and hit ratio are flat.
///
/// When `cancel` is set or the time is over, the rounds that were completed are returned, not flat.
///
/// # Errors
/// When nothing can be asked for: no paths, an address that cannot be used, or nobody there at all.
pub fn warm(plan: &WarmPlan, cancel: &Cancel, events: &dyn EventSink) -> Result<WarmResult, CrawlError> {
    block_on(async {
        let started = Instant::now();
        let target = Target::new(&plan.base_url, plan.host_header.as_deref())?;
        let pages: Vec<(String, Url)> =
            plan.paths.iter().filter_map(|path| Some((path.clone(), target.url(path)?))).collect();
        if pages.is_empty() {
            return Err(CrawlError::NothingToDo { action: "warm" });
        }
        let client = Client::new(&ClientPlan {
            origin: target.base(),
            host_header: plan.host_header.as_deref(),
            via: &plan.via,
            user_agent: &plan.user_agent,
            timeout: plan.timeout,
            connections: plan.concurrency,
        })?;
        let until = started + Duration::from_secs(plan.max_seconds);
        let mut result = WarmResult { format_version: FORMAT_VERSION, ..WarmResult::default() };
        let urls: Vec<Url> = pages.iter().map(|(_, url)| url.clone()).collect();
        result.pages = pages.into_iter().map(|(path, _)| path).collect();
        while !result.steady && result.rounds.len() < plan.max_rounds {
            let number = result.rounds.len() as u64 + 1;
            let message = format!("round {number}, {} pages × {}", urls.len(), plan.concurrency.max(1));
            events.progress(Stage::Warm, number, None, &message);
            let answers = tokio::select! {
                biased;
                () = cancelled(cancel) => break,
                () = tokio::time::sleep_until(until.into()) => break,
                answers = round(&client, &urls, plan.concurrency.max(1)) => answers,
            };
            if let Some(why) = nobody_there(&answers) {
                return Err(CrawlError::Unreachable { origin: target.origin(), why });
            }
            result.rounds.push(summary(&answers));
            result.steady = is_flat(&result.rounds);
        }
        if !result.steady && !cancel.is_cancelled() {
            events.warn(
                Stage::Warm,
                "response times were still changing when warming ended: the first seconds of load may show the start, not the site",
            );
        }
        result.took_us = Micros::from_duration(started.elapsed());
        Ok(result)
    })?
}

async fn round(client: &Client, urls: &[Url], copies: usize) -> Vec<Result<Answer, NoAnswer>> {
    let mut waiting = urls.iter().flat_map(|url| std::iter::repeat_n(url, copies));
    let (mut tasks, mut answers) = (JoinSet::new(), Vec::new());
    loop {
        while tasks.len() < copies
            && let Some(url) = waiting.next()
        {
            let (client, url) = (client.clone(), url.clone());
            // Only the times are wanted; a round's bodies would fill the memory.
            tasks.spawn(async move { client.get(&url, None).await.map(Answer::without_body) });
        }
        match tasks.join_next().await {
            Some(Ok(answer)) => answers.push(answer),
            Some(Err(_panicked)) => {}
            None => return answers,
        }
    }
}

fn nobody_there(answers: &[Result<Answer, NoAnswer>]) -> Option<String> {
    let none = |answer: &Result<Answer, NoAnswer>| {
        matches!(answer, Err(NoAnswer::Connection { refusal: Refusal::NoConnection, .. }))
    };
    let why = answers.first()?.as_ref().err()?.why();
    answers.iter().all(none).then_some(why)
}

fn summary(answers: &[Result<Answer, NoAnswer>]) -> WarmRound {
    let good: Vec<&Answer> = answers.iter().flatten().filter(|answer| answer.status < 400).collect();
    let mut times: Vec<Micros> = good.iter().map(|answer| Micros::from_duration(answer.total)).collect();
    times.sort_unstable();
    let spoken =
        good.iter().map(|answer| answer.cache_outcome()).filter(|outcome| *outcome != CacheOutcome::None);
    let (hits, asked) =
        spoken.fold((0, 0), |(hits, asked), outcome| (hits + u64::from(outcome.is_hit()), asked + 1));
    WarmRound {
        requests: answers.len() as u64,
        errors: (answers.len() - good.len()) as u64,
        p50_us: percentile(&times, 50),
        p95_us: percentile(&times, 95),
        hit_ratio: Ratio::from_parts(hits, asked),
    }
}

/// The nearest rank; nothing of nothing is zero.
pub(crate) fn percentile(sorted: &[Micros], percent: usize) -> Micros {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let times: Vec<Micros> = (1..=20).map(Micros).collect();
        assert_eq!((percentile(&times, 50), percentile(&times, 95)), (Micros(10), Micros(19)));
        assert_eq!((percentile(&times[..1], 95), percentile(&[], 50)), (Micros(1), Micros(0)));
    }
}
