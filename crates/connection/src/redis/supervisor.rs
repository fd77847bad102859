//! The supervisor of a lane: connects it, watches it, replaces it.

use std::{sync::Arc, time::Duration};

use tokio::time::{sleep, sleep_until, timeout};

use super::{
    dial::Renewal,
    lane::{Lane, Live, State},
    node::Node,
};
use crate::{Certainty, Error, ErrorKind, Event, clock::runtime_now, names};

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
pub(crate) async fn supervise(lane: &Lane, node: &Arc<Node>) {
    let mut failures = 0_u32;
    let mut connected_before = false;
    let mut replaced_at = None;
    loop {
        match node.connect().await {
            Ok(live) => {
                failures = 0;
                let live = Arc::new(live);
                lane.publish(Arc::clone(&live));
                // It has just answered, so there is no reason to wait for the end of a pause.
                node.breaker.probe_now();
                node.lanes_changed();
                announce_connected(node, lane.index, connected_before);
                connected_before = true;
                let reason = watch(&live, node).await;
                lane.withdraw();
                if matches!(reason, "readonly" | "masterdown") {
                    // What holds for a lane holds for the connections that nobody asks for their role.
                    node.exclusive.renew();
                }
                announce_lost(node, lane.index, reason);
                if let Some(earliest) =
                    replaced_at.map(|at| at + REPLACE_EVERY).filter(|at| runtime_now() < *at)
                {
                    // Callers are told at once rather than kept waiting for a connection that is not being made.
                    lane.set_state(State::Down(Arc::new(Error::unavailable(format!(
                        "lost again: {reason}"
                    )))));
                    node.lanes_changed();
                    // Spread, so that a fleet that lost the same server does not come back in one instant.
                    sleep_until(earliest - full_jitter(REPLACE_EVERY / 2)).await;
                }
                replaced_at = Some(runtime_now());
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                let pause = backoff(failures, error.kind());
                node.common.announcer.announce(Event::ConnectFailed {
                    server: node.to_string(),
                    lane: lane.index,
                    cause: error.to_string(),
                });
                let error = Arc::new(error);
                lane.set_state(State::Down(Arc::clone(&error)));
                if is_a_matter_of_time(&error) && node.down().is_some() {
                    node.breaker.trip(&error.to_string());
                }
                node.lanes_changed();
                sleep(pause).await;
            }
        }
    }
}

/// Whether the server is away; what an operator must put right is told as it is, by the lanes.
fn is_a_matter_of_time(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Auth | ErrorKind::Config | ErrorKind::Permission => false,
        // Refused by the server it passes; not even asked, it is our own bound.
        ErrorKind::Overloaded => error.certainty() != Certainty::NotSent,
        _ => true,
    }
}

/// Waits until the connection has to be replaced; answers why.
async fn watch(live: &Live, node: &Arc<Node>) -> &'static str {
    node.follow_master();
    // A connection that is merely slow must not be thrown away: that is the breaker's matter.
    let patience = node.common.command_timeout.max(Duration::from_millis(250));
    let mut answers = live.answers();
    let mut checked = runtime_now();
    loop {
        let called = timeout(HEARTBEAT, live.attention.notified()).await.is_ok();
        if let Some(reason) = live.condemned() {
            return reason;
        }
        if node.common.dialer.check_interval().is_some_and(|interval| checked.elapsed() >= interval) {
            checked = runtime_now();
            if let Some(reason) = out_of_date(live, node, patience).await {
                return reason;
            }
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

/// Brings what the connection was opened with up to date; answers why that needs another connection.
async fn out_of_date(live: &Live, node: &Node, patience: Duration) -> Option<&'static str> {
    match node.common.dialer.renewal(&live.identity()).await {
        Ok(Renewal::None) => None,
        Ok(Renewal::Reconnect) => Some("certificates"),
        Ok(Renewal::Login(identity)) => (!live.log_in(identity, patience).await).then_some("credentials"),
        Err(error) => {
            // What works is not given up because its successor can't be had.
            tracing::warn!(server = %node, %error, "the credentials could not be checked");
            None
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

fn announce_connected(node: &Node, lane: usize, again: bool) {
    let kind = if again { "again" } else { "first" };
    metrics::counter!(names::CONNECTIONS_MADE, "kind" => kind).increment(1);
    metrics::gauge!(names::CONNECTIONS_ACTIVE).increment(1.0);
    let server = node.to_string();
    let event = if again { Event::Reconnected { server, lane } } else { Event::Connected { server, lane } };
    node.common.announcer.announce(event);
}

fn announce_lost(node: &Node, lane: usize, reason: &'static str) {
    metrics::counter!(names::CONNECTIONS_LOST, "reason" => reason).increment(1);
    metrics::gauge!(names::CONNECTIONS_ACTIVE).decrement(1.0);
    node.common.announcer.announce(Event::Lost { server: node.to_string(), lane, reason });
}
