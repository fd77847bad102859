//! Bearer tokens: who logged in with this instance, within the last hour.

use std::{
    collections::{HashMap, VecDeque},
    fmt::Write as _,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use argon2::password_hash::rand_core::{OsRng, RngCore as _};
use axum::http::{HeaderMap, header::AUTHORIZATION};
use redstart::connection::{Clock, Timestamp};

use crate::database::RecordId;

/// How long a token is good for.
pub(crate) const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// How many tokens are remembered; one more and the oldest is forgotten.
const MOST: usize = 100_000;

/// The tokens that this instance has issued.
#[derive(Debug)]
pub(crate) struct Tokens {
    clock: Clock,
    issued: Mutex<Issued>,
}

#[derive(Debug, Default)]
struct Issued {
    sessions: HashMap<String, Session>,
    /// The tokens in the order in which they end.
    order: VecDeque<String>,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    user: RecordId,
    ends_at: Timestamp,
}

impl Tokens {
    /// No tokens yet.
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, issued: Mutex::default() }
    }

    /// Issues a token to a user.
    pub(crate) fn issue(&self, user: RecordId) -> String {
        let mut random = [0; 32];
        OsRng.fill_bytes(&mut random);
        let token = random.iter().fold(String::with_capacity(64), |mut token, byte| {
            // Writing to a String cannot fail.
            let _written = write!(token, "{byte:02x}");
            token
        });
        let now = self.clock.now();
        let session = Session { user, ends_at: now.saturating_add(LIFETIME) };
        let mut issued = self.issued();
        issued.tidy(now);
        issued.sessions.insert(token.clone(), session);
        issued.order.push_back(token.clone());
        token
    }

    /// The user who shows a token that is still good.
    pub(crate) fn user(&self, headers: &HeaderMap) -> Option<RecordId> {
        let (scheme, shown) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        // The map compares by a hash with a secret of its own, so its timing tells nothing to guess by.
        let session = *self.issued().sessions.get(shown)?;
        (self.clock.now() < session.ends_at).then_some(session.user)
    }

    fn issued(&self) -> MutexGuard<'_, Issued> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Issued {
    /// Forgets the tokens that have ended, and the oldest when there are too many.
    fn tidy(&mut self, now: Timestamp) {
        while let Some(oldest) = self.order.front() {
            let is_good = self.sessions.get(oldest).is_some_and(|session| now < session.ends_at);
            if is_good && self.order.len() < MOST {
                return;
            }
            if let Some(oldest) = self.order.pop_front() {
                self.sessions.remove(&oldest);
            }
        }
    }
}
