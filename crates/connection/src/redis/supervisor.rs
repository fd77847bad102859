//! The supervisor of a lane: connects it, watches it, replaces it.

use std::{sync::Arc, time::Duration};

use tokio::time::{sleep, sleep_until, timeout};

use super::{
    lane::{Lane, Live, State},
    link::Link,
};
use crate::{Error, ErrorKind, Event, clock::runtime_now, names};

/// How long a lane may be silent before it is asked for a sign of life.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// The least time between two replacements of a lane.
const REPLACE_EVERY: Duration = Duration::from_secs(1);
const BACKOFF_BASE: Duration = Duration::from_millis(50);
/// Short enough that a restarted server is in use again within a second.
const BACKOFF_CAP: Duration = Duration::from_millis(500);
/// Wrong credentials are tried slowly, lest the server's log fill up.
const AUTH_BACKOFF_CAP: Duration = Duration::from_secs(10);

/// Keeps `lane` connected until its task is ended.
pub(crate) async fn supervise(lane: &Lane, link: &Link) {
    let mut failures = 0_u32;
    let mut connected_before = false;
    let mut replaced_at = None;
    loop {
        match link.connect().await {
            Ok(connection) => {
                failures = 0;
                let live = Arc::new(Live::new(connection));
                lane.publish(Arc::clone(&live));
                link.lanes_changed();
                announce_connected(link, lane.index, connected_before);
                connected_before = true;
                let reason = watch(&live, link.command_timeout).await;
                lane.withdraw();
                announce_lost(link, lane.index, reason);
                if let Some(earliest) =
                    replaced_at.map(|at| at + REPLACE_EVERY).filter(|at| runtime_now() < *at)
                {
                    // Callers are told at once rather than kept waiting for a connection that is not being made.
                    lane.set_state(State::Down(Arc::new(Error::unavailable(format!(
                        "lost again: {reason}"
                    )))));
                    link.lanes_changed();
                    // Spread, so that a fleet that lost the same server does not come back in one instant.
                    sleep_until(earliest - full_jitter(REPLACE_EVERY / 2)).await;
                }
                replaced_at = Some(runtime_now());
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                let pause = backoff(failures, error.kind());
                link.announcer.announce(Event::ConnectFailed { lane: lane.index, cause: error.to_string() });
                lane.set_state(State::Down(Arc::new(error)));
                link.lanes_changed();
                sleep(pause).await;
            }
        }
    }
}

/// Waits until the connection has to be replaced; answers why.
async fn watch(live: &Live, command_timeout: Duration) -> &'static str {
    // A connection that is merely slow must not be thrown away: that is the breaker's matter.
    let patience = command_timeout.max(Duration::from_millis(250));
    let mut answers = live.answers();
    loop {
        let called = timeout(HEARTBEAT, live.attention.notified()).await.is_ok();
        if let Some(reason) = live.condemned() {
            return reason;
        }
        let idle = !called && live.answers() == answers;
        answers = live.answers();
        if !(live.is_suspect() || idle) {
            continue;
        }
        if live.ping(patience).await || (idle && live.ping(patience).await) {
            live.trust();
        } else {
            return live.condemned().unwrap_or(if idle { "silent" } else { "unanswered" });
        }
    }
}

/// Exponential with full jitter (Brooker, "Exponential Backoff and Jitter").
fn backoff(failures: u32, kind: ErrorKind) -> Duration {
    let cap =
        if matches!(kind, ErrorKind::Auth | ErrorKind::Config) { AUTH_BACKOFF_CAP } else { BACKOFF_CAP };
    let ceiling = BACKOFF_BASE.saturating_mul(1 << failures.min(16)).min(cap);
    full_jitter(ceiling).max(Duration::from_millis(5))
}

pub(crate) fn full_jitter(ceiling: Duration) -> Duration {
    ceiling.mul_f64(fastrand::f64())
}

fn announce_connected(link: &Link, lane: usize, again: bool) {
    let kind = if again { "again" } else { "first" };
    metrics::counter!(names::CONNECTIONS_MADE, "kind" => kind).increment(1);
    metrics::gauge!(names::CONNECTIONS_ACTIVE).increment(1.0);
    link.announcer.announce(if again { Event::Reconnected { lane } } else { Event::Connected { lane } });
}

fn announce_lost(link: &Link, lane: usize, reason: &'static str) {
    metrics::counter!(names::CONNECTIONS_LOST, "reason" => reason).increment(1);
    metrics::gauge!(names::CONNECTIONS_ACTIVE).decrement(1.0);
    link.announcer.announce(Event::Lost { lane, reason });
}
