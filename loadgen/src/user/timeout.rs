//! Limits the time of a step without setting a timer for each.
//!
//! All steps of a phase have the same timeout, so a timer that was set for one step fires too early for the next, and never too
//! late. It is set once, and again only when it fires while there is time left: once in ten seconds instead of ten thousand
//! times a second.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::task::unconstrained;
use tokio::time::{Sleep, sleep_until};

/// The timer of one user.
#[derive(Default)]
pub(crate) struct ReusableTimeout {
    timer: Option<Pin<Box<Sleep>>>,
    /// The task that the timer wakes.
    waker: Option<Waker>,
}

impl ReusableTimeout {
    /// The output of `future`, or `None` when it is not ready at `until`.
    pub(crate) async fn run_until<F: Future>(
        &mut self,
        until: Instant,
        mut future: Pin<&mut F>,
    ) -> Option<F::Output> {
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.has_expired(until, cx) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// Whether `until` has passed; if not, the task is woken then or earlier.
    fn has_expired(&mut self, until: Instant, cx: &mut Context<'_>) -> bool {
        let until = until.into();
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if timer.deadline() > until {
            timer.as_mut().reset(until);
            self.waker = None;
        }
        let is_set =
            !timer.is_elapsed() && self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if is_set {
            return false;
        }
        // Outside of tokio's budget: a timer that returns pending without being registered would never fire.
        while pin!(unconstrained(timer.as_mut())).poll(cx).is_ready() {
            if timer.deadline() >= until {
                return true;
            }
            timer.as_mut().reset(until);
        }
        self.waker = Some(cx.waker().clone());
        false
    }

    /// Keeps the timer and forgets the task: before the user moves to another task.
    pub(crate) fn detach(&mut self) {
        self.waker = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    fn after(ms: u64) -> Instant {
        Instant::now() + Duration::from_millis(ms)
    }
    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[tokio::test]
    async fn a_future_is_run_until_its_deadline_and_no_longer() {
        let mut timeout = ReusableTimeout::default();
        assert_eq!(timeout.run_until(after(60), pin!(async { 1 })).await, Some(1));
        assert_eq!(timeout.run_until(after(60), pin!(sleep(ms(1)))).await, Some(()));
        // The timer of the step before fires within this one, too early.
        assert_eq!(timeout.run_until(after(10_000), pin!(sleep(ms(120)))).await, Some(()));
        let began = Instant::now();
        assert_eq!(timeout.run_until(after(30), pin!(sleep(ms(20_000)))).await, None);
        assert!(began.elapsed() >= ms(30) && began.elapsed() < ms(10_000), "{:?}", began.elapsed());
        assert_eq!(timeout.run_until(after(10_000), pin!(sleep(ms(1)))).await, Some(()));
    }

    #[tokio::test]
    async fn another_task_is_woken_too() {
        let mut timeout = ReusableTimeout::default();
        assert_eq!(timeout.run_until(after(50), pin!(sleep(ms(1)))).await, Some(()));
        let again = tokio::spawn(async move { timeout.run_until(after(50), pin!(sleep(ms(20_000)))).await });
        assert_eq!(again.await.expect("no panic"), None);
    }

    #[tokio::test]
    async fn a_task_without_budget_is_still_woken() {
        let mut timeout = ReusableTimeout::default();
        let busy = poll_fn(|cx| {
            // Uses up the whole budget of the task at each poll.
            while tokio::task::coop::has_budget_remaining() {
                let _ = pin!(tokio::task::coop::consume_budget()).poll(cx);
            }
            Poll::<()>::Pending
        });
        assert_eq!(timeout.run_until(after(30), pin!(busy)).await, None);
    }
}
