//! What the page sees while somebody looks at it.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::State,
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use http::StatusCode;
use tokio::{select, sync::watch, time::sleep};

use super::{OpsState, uncached};
use crate::ApiError;

/// How many may look at once.
const SEATS: usize = 32;
/// How often each is told anew.
const EVERY: Duration = Duration::from_secs(1);

/// Who looks, and when that ends.
#[derive(Clone)]
pub(super) struct Live {
    taken: Arc<AtomicUsize>,
    ended: watch::Sender<bool>,
}

impl Default for Live {
    fn default() -> Self {
        Self { taken: Arc::default(), ended: watch::Sender::new(false) }
    }
}

impl Live {
    pub(super) fn end(&self) {
        self.ended.send_replace(true);
    }

    fn take_seat(&self) -> Option<Seat> {
        let taken = self
            .taken
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| (taken < SEATS).then_some(taken + 1));
        taken.is_ok().then(|| Seat { taken: Arc::clone(&self.taken), ended: self.ended.subscribe() })
    }
}

/// The right to look; given back on drop.
struct Seat {
    taken: Arc<AtomicUsize>,
    ended: watch::Receiver<bool>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What a stream of events does next.
enum Next {
    /// It shows how things are.
    Show { is_first: bool },
    /// It has said goodbye.
    End,
}

/// How things are, once a second, as server-sent events.
///
/// Each event is called `snapshot`; the last, when the service ends, is `closed`. Nothing is done while
/// nobody looks, and those who look share what is asked of the server.
#[utoipa::path(
    get,
    path = "/api/admin/redis/live",
    tag = "admin",
    responses(
        (status = 200, description = "A stream of `snapshot` events, one a second", content_type = "text/event-stream", body = super::snapshot::Snapshot),
        (status = 401, description = "No token"),
        (status = 503, description = "Too many look already"),
    ),
    security(("token" = []))
)]
pub(super) async fn live(State(state): State<OpsState>) -> Result<Response, ApiError> {
    let Some(seat) = state.0.live.take_seat() else {
        let message = "Too many look at this already.";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "TOO_MANY_VIEWERS", message));
    };
    let events =
        stream::unfold((state, seat, Next::Show { is_first: true }), async |(state, mut seat, next)| {
            let Next::Show { is_first } = next else { return None };
            let is_over = select! {
                _ = async { seat.ended.wait_for(|ended| *ended).await.is_ok() } => true,
                () = sleep(if is_first { Duration::ZERO } else { EVERY }) => false,
            };
            if is_over {
                let goodbye = Event::default().event("closed").data("");
                return Some((Ok::<_, Infallible>(goodbye), (state, seat, Next::End)));
            }
            let snapshot = super::snapshot::Snapshot::of(&state).await;
            // What is shown is numbers and texts, which always become JSON.
            let data = serde_json::to_string(&snapshot).unwrap_or_default();
            let event = Event::default().event("snapshot").data(data);
            Some((Ok(event), (state, seat, Next::Show { is_first: false })))
        });
    Ok(uncached(Sse::new(events).keep_alive(KeepAlive::default()).into_response()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_given_back() {
        let live = Live::default();
        let mut seats: Vec<_> = (0..SEATS).map(|_| live.take_seat().unwrap()).collect();
        assert!(live.take_seat().is_none());
        seats.pop();
        assert!(live.take_seat().is_some());
        live.end();
        assert!(*live.take_seat().unwrap().ended.borrow());
    }
}
