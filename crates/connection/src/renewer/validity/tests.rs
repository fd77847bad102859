use std::{
    future::{Future as _, poll_fn},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::sync::watch;

use super::{Loss, Standing, Validity, lose};
use crate::{Clock, Timestamp};

fn leased_for(clock: &Clock, time: Duration) -> (watch::Sender<Standing>, Validity) {
    let standing = Standing { leased_until: clock.instant() + time, limit: None, loss: None };
    let (sender, standing) = watch::channel(standing);
    (sender, Validity { clock: clock.clone(), standing })
}

/// After a pause of the whole process the work may be polled before any timer has had its turn.
#[tokio::test]
async fn work_is_not_polled_once_the_clock_says_that_a_lease_is_over() {
    let clock = Clock::manual(Timestamp::from_micros(1_000_000));
    let (_longer, longer) = leased_for(&clock, Duration::from_secs(60));
    let (_shorter, shorter) = leased_for(&clock, Duration::from_secs(30));
    let all = [longer, shorter];
    let mut polls = 0;
    let work = poll_fn(|_| {
        polls += 1;
        Poll::<()>::Pending
    });
    let mut context = Context::from_waker(Waker::noop());
    let mut running = Box::pin(Validity::while_all_valid(&all, work));
    assert!(running.as_mut().poll(&mut context).is_pending());
    clock.advance(Duration::from_secs(30));
    assert_eq!(running.as_mut().poll(&mut context), Poll::Ready(Err((1, Loss::Expired))));
    drop(running);
    assert_eq!(polls, 1);
}

#[test]
fn first_cause_of_a_loss_stands() {
    let clock = Clock::manual(Timestamp::from_micros(1_000_000));
    let (standing, validity) = leased_for(&clock, Duration::from_secs(30));
    lose(&standing, Loss::Gone);
    lose(&standing, Loss::Released);
    assert_eq!(validity.loss(), Some(Loss::Gone));
}
