//! What a response says of its limits.

use std::{fmt::Write as _, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, header::RETRY_AFTER};
use redstart_connection::Timestamp;
use redstart_ratelimit::{Decision, LimitState, Source};

use crate::error::whole_seconds;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What a response says of its limits.
///
/// `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds since the epoch) speak of the limit that
/// governs; `RateLimit-Policy` and `RateLimit` list all of them, as in the drafts from 8 on, and of several
/// limits under one policy the one that is closer to its end. A refusal has `Retry-After` too. A decision that nobody counted says nothing.
///
/// [`RateLimitLayer`](crate::RateLimitLayer) writes them; for a limit that a handler checks by itself:
///
/// ```
/// use http::HeaderMap;
/// use redstart_connection::Store;
/// use redstart_http::LimitHeaders;
/// use redstart_ratelimit::{Limiter, Policy};
///
/// const LOGIN: Policy = Policy::per_minute("login", 5);
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let store = Store::memory();
/// let decision = Limiter::new(store.clone()).check(&LOGIN, "ada@example.org").await;
/// let mut headers = HeaderMap::new();
/// LimitHeaders::new(&decision, store.clock().now()).apply(&mut headers);
/// assert_eq!(headers["ratelimit-policy"], r#""login";q=5;w=60"#);
/// assert_eq!(headers["x-ratelimit-remaining"], "4");
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LimitHeaders {
    governing: Option<Governing>,
    policies: String,
    states: String,
}

#[derive(Clone, Copy, Debug)]
struct Governing {
    limit: u32,
    remaining: u32,
    reset_at: u64,
    retry_after: Option<u64>,
}

impl LimitHeaders {
    /// What to say of a decision made at `now`.
    #[must_use]
    pub fn new(decision: &Decision, now: Timestamp) -> Self {
        let mut headers = Self { governing: None, policies: String::new(), states: String::new() };
        if decision.limits().is_empty() || decision.source() == Source::Unavailable {
            return headers;
        }
        headers.governing = Some(Governing {
            limit: decision.limit(),
            remaining: decision.remaining(),
            reset_at: epoch_seconds(now.saturating_add(decision.reset_after())),
            retry_after: decision.retry_after().map(whole_seconds),
        });
        for state in tightest_of_each_policy(decision.limits()) {
            headers.list(state);
        }
        headers
    }

    /// Leaves out the fields whose standard is still a draft.
    #[must_use]
    pub fn without_standard_fields(self) -> Self {
        Self { policies: String::new(), states: String::new(), ..self }
    }

    /// Writes them.
    ///
    /// Where an inner check has written some already, the limit that is closer to its end stays, and
    /// the lists grow.
    pub fn apply(&self, headers: &mut HeaderMap) {
        let Some(governing) = self.governing else { return };
        let said = headers.get(REMAINING).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
        if said.is_none_or(|said| governing.remaining < said) {
            headers.insert(LIMIT, governing.limit.into());
            headers.insert(REMAINING, governing.remaining.into());
            headers.insert(RESET, governing.reset_at.into());
        }
        if let Some(seconds) = governing.retry_after {
            headers.entry(RETRY_AFTER).or_insert_with(|| seconds.into());
        }
        for (name, list) in [(RATELIMIT_POLICY, &self.policies), (RATELIMIT, &self.states)] {
            if let Ok(value) = HeaderValue::try_from(list)
                && !list.is_empty()
            {
                headers.append(name, value);
            }
        }
    }

    fn list(&mut self, state: &LimitState) {
        let LimitState { policy, limit, window, remaining, reset_after, retry_after, .. } = *state;
        let separator = if self.policies.is_empty() { "" } else { ", " };
        let window = whole_seconds(window);
        let wait = begun_seconds(retry_after.unwrap_or(reset_after));
        // Names of policies hold nothing that would need an escape; writing to a String cannot fail.
        let _written = write!(self.policies, "{separator}\"{policy}\";q={limit};w={window}");
        let _written = write!(self.states, "{separator}\"{policy}\";r={remaining};t={wait}");
    }
}

/// The limits in their order; of those under one policy, the first place and the least left.
fn tightest_of_each_policy(limits: &[LimitState]) -> Vec<&LimitState> {
    let left = |state: &LimitState| (state.retry_after.is_none(), state.remaining);
    let mut tightest: Vec<&LimitState> = Vec::with_capacity(limits.len());
    for state in limits {
        match tightest.iter_mut().find(|listed| listed.policy == state.policy) {
            Some(listed) if left(state) < left(listed) => *listed = state,
            Some(_) => {}
            None => tightest.push(state),
        }
    }
    tightest
}

/// Whole seconds, rounded up.
fn begun_seconds(duration: Duration) -> u64 {
    if duration.is_zero() { 0 } else { whole_seconds(duration) }
}

fn epoch_seconds(moment: Timestamp) -> u64 {
    moment.as_micros().div_ceil(1_000_000)
}

#[cfg(feature = "axum")]
impl axum::response::IntoResponseParts for LimitHeaders {
    type Error = std::convert::Infallible;

    fn into_response_parts(
        self,
        mut response: axum::response::ResponseParts,
    ) -> Result<axum::response::ResponseParts, Self::Error> {
        self.apply(response.headers_mut());
        Ok(response)
    }
}
