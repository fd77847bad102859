//! Prices as they change, for browsers that keep watching.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::HeaderMap,
    response::sse::{Event, KeepAlive, Sse},
    routing::get,
};
use futures_util::{Stream, stream};
use redstart::{
    http::ApiError,
    state::{EventId, Follower, Heard},
};
use tokio::sync::watch;

use crate::{app::App, state::PriceChange};

/// How often a connection on which nothing happens is kept from being taken for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The routes of price changes.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route("/api/v1/products/prices/events", get(watch))
}

/// Those who watch, each at its place in the stream.
struct Watching {
    follower: Follower<PriceChange>,
    closing: watch::Receiver<bool>,
}

/// Sends each change of a price as it happens, and first those that a browser missed which comes back.
async fn watch(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let prices = &app.state.prices;
    let follower = match headers.get("last-event-id") {
        Some(id) => prices.follow_after(seen(id.as_bytes())?),
        None => prices.follow().await?,
    };
    let watching = Watching { follower, closing: app.closing.subscribe() };
    let events = stream::unfold(watching, async |mut watching| {
        let event = watching.next().await?;
        Some((Ok(event), watching))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn seen(id: &[u8]) -> Result<EventId, ApiError> {
    let id = str::from_utf8(id).ok().and_then(|id| id.parse().ok());
    id.ok_or_else(|| ApiError::bad_request("Last-Event-ID must be the id of an event, like 1700000000000-0."))
}

impl Watching {
    /// The next event; none when the service ends, or the browser had better come back later.
    async fn next(&mut self) -> Option<Event> {
        let heard = tokio::select! {
            _ = self.closing.wait_for(|is_closing| *is_closing) => return None,
            heard = self.follower.next() => heard,
        };
        match heard {
            Ok(Some(Heard::Event(change))) => {
                let event = Event::default().event("price").id(change.id().to_string());
                event.json_data(change.value()).ok()
            }
            // What is shown may be old: the browser had better ask for it again.
            Ok(Some(Heard::Missed)) => Some(Event::default().event("missed").data("{}")),
            Ok(None) => None,
            Err(error) => {
                tracing::debug!(%error, "a browser that watches prices is sent away, and will come back");
                None
            }
        }
    }
}
