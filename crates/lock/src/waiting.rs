//! Asking for a lock: once, or in line until it is granted.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use metrics::counter;
use redstart_connection::{Certainty, Loss, names};
use redstart_keys::Ttl;
use tokio::time::timeout;

use crate::{
    Fence, Guard, LockError,
    claim::Claim,
    closing,
    guard::Held,
    inbox::Listener,
    janitor::Task,
    locks::Inner,
    operations::{Acquired, HANDED},
    queue::{Place, Turn},
    request::LockRequest,
    successor::{Handed, Succession},
};

/// The pauses between two questions where nobody tells when the lock is free: the first, the longest.
const UNTOLD: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));
/// The longest pause where wake-ups arrive, so that one that got lost costs no more; waiters are taken for
/// dead after three of them.
const TOLD: Duration = Duration::from_secs(1);

/// How long the first in line waits for a holder of its own process before it asks the store, which knows of it only
/// from then on: a lock that is held for less is handed on within the process.
const MOMENT: Duration = Duration::from_millis(10);

/// What came of waiting in the line of the process.
pub(crate) enum First<'p> {
    /// It is the first, and has to ask the store.
    Turn(Turn<'p>),
    /// It was handed the lock.
    Handed(Handed),
}

/// What came of asking once.
pub(crate) enum Attempt {
    Granted(Guard),
    Busy(Refusal),
}

/// The server's answer that another holds the lock.
pub(crate) struct Refusal {
    pub(crate) expires_in: Option<Duration>,
    /// Before the question was sent.
    asked_at: Instant,
    last_fence: Option<Fence>,
}

/// A token that asks, and what the store may still know of it when nobody wants the lock any more.
pub(crate) struct Asking<'a> {
    locks: &'a Arc<Inner>,
    request: &'a LockRequest,
    id: u64,
    claim: Claim,
    /// A question may be on its way, or the token stands in line.
    may_be_known: bool,
    succession: Option<Succession>,
    is_contended: bool,
    _request: closing::Request<'a>,
}

impl<'a> Asking<'a> {
    pub(crate) fn begin(locks: &'a Arc<Inner>, request: &'a LockRequest) -> Self {
        let (id, token) = locks.token();
        let claim = request.claim(token);
        Self {
            locks,
            request,
            id,
            claim,
            may_be_known: false,
            succession: None,
            is_contended: false,
            _request: locks.closing.request(),
        }
    }

    /// Waits to be the first in the line of this process, or to be handed the lock by its holder there.
    pub(crate) async fn its_turn<'p>(&mut self, place: &'p Place) -> First<'p> {
        let at_once = place.turn_at_once();
        if at_once.is_none() || place.is_held_here() {
            self.note_contended();
            self.succession = place.succeed(&self.claim);
        }
        let turn = match at_once {
            Some(turn) => turn,
            None => tokio::select! {
                biased;
                Some(handed) = self.handed() => return First::Handed(handed),
                turn = place.turn() => turn,
            },
        };
        if place.is_held_here()
            && self.locks.ways.hands_on(&self.claim.lock)
            && let Ok(Some(handed)) = timeout(MOMENT, self.handed()).await
        {
            return First::Handed(handed);
        }
        self.may_be_known = self.succession.take().is_some_and(Succession::end);
        turn.note_asking();
        First::Turn(turn)
    }

    /// Waits to be handed the lock; none if that will not be.
    async fn handed(&mut self) -> Option<Handed> {
        let handed = self.succession.as_mut()?.handed().await;
        // Once it is ours, nobody is about to hand it to us any more.
        self.succession = self.succession.take().filter(|_| handed.is_none());
        handed
    }

    /// Takes the lock that a holder of this process handed on.
    pub(crate) fn take(&self, Handed { fence, sent_at }: Handed, place: &Place) -> Result<Guard, LockError> {
        let guard = self.guard(fence, self.claim.ttl, sent_at)?;
        place.note_held();
        Ok(guard)
    }

    /// Asks until the lock is granted.
    pub(crate) async fn until_granted(&mut self, place: &Place) -> Result<Guard, LockError> {
        let guard = self.ask_until_granted().await?;
        place.note_held();
        Ok(guard)
    }

    async fn ask_until_granted(&mut self) -> Result<Guard, LockError> {
        let mut listener: Option<Listener> = None;
        let mut untold = UNTOLD.0;
        loop {
            let refusal = match self.once(true).await? {
                Attempt::Granted(guard) => return Ok(guard),
                Attempt::Busy(refusal) => refusal,
            };
            self.note_contended();
            let listener = listener.get_or_insert_with(|| self.locks.inbox.listen(&self.claim.token));
            let longest = if self.locks.inbox.is_attached() { TOLD } else { untold };
            untold = UNTOLD.1.min(untold * 2);
            // Up to half of it by chance, so that processes do not ask in step.
            let pause = longest.mul_f64(0.5 + fastrand::f64() / 2.0);
            let expires_in = refusal.expires_in.unwrap_or(Duration::MAX);
            let pause = pause.min(expires_in.saturating_add(Duration::from_millis(1)));
            let handed = tokio::select! {
                handed = listener.woken() => handed,
                () = tokio::time::sleep(pause) => None,
            };
            if let Some(guard) = handed.and_then(|fence| self.take_over(fence, &refusal)) {
                return guard;
            }
        }
    }

    /// Asks once; with `waits` the token stands in line from then on.
    pub(crate) async fn once(&mut self, waits: bool) -> Result<Attempt, LockError> {
        let inner = self.locks;
        if inner.closing.is_begun() {
            return Err(LockError::ShuttingDown);
        }
        inner.janitor.start();
        inner.look_at_server();
        let mut was_known = std::mem::replace(&mut self.may_be_known, true);
        let sent_at = inner.store.clock().instant();
        let answer = inner.ways.ask(&self.claim, waits, &mut was_known).await;
        self.may_be_known = match &answer {
            Ok(Acquired::Granted { .. }) => false,
            Ok(Acquired::Busy { .. }) => waits,
            Err(error) if matches!(error.certainty(), Certainty::NotSent | Certainty::Refused) => was_known,
            Err(_) => true,
        };
        let fence = match answer.map_err(LockError::Unavailable)? {
            Acquired::Granted { fence } => fence,
            Acquired::Busy { expires_in, last_fence } => {
                return Ok(Attempt::Busy(Refusal { expires_in, asked_at: sent_at, last_fence }));
            }
        };
        self.guard(fence, self.claim.ttl, sent_at).map(Attempt::Granted)
    }

    /// Takes a lock that another handed over, if it is certain that this came after the refusal: the lease began
    /// later than that question, which so tells how long it lasts at least.
    fn take_over(&mut self, fence: Fence, refusal: &Refusal) -> Option<Result<Guard, LockError>> {
        // An older one was handed over before, ended, and went to another by now.
        if refusal.last_fence.is_none_or(|last| fence <= last) || self.locks.closing.is_begun() {
            return None;
        }
        let first = self.claim.ttl.min(Ttl::new(HANDED)?);
        let age = self.locks.store.clock().instant().saturating_duration_since(refusal.asked_at);
        // Asking again gets a whole lease.
        if first.as_duration() / 2 < age {
            return None;
        }
        self.may_be_known = false;
        Some(self.guard(fence, first, refusal.asked_at))
    }

    /// Counts the request among those that had to wait, once.
    fn note_contended(&mut self) {
        if !std::mem::replace(&mut self.is_contended, true) {
            counter!(names::LOCK_CONTENDED, "lock" => self.claim.lock.entity_name()).increment(1);
        }
    }

    /// Keeps a lease whose first term is `first`, counted from `sent_at`.
    fn guard(&self, fence: Fence, first: Ttl, sent_at: Instant) -> Result<Guard, LockError> {
        let inner = self.locks;
        let (claim, ways) = (self.claim.clone(), Arc::clone(&inner.ways));
        let kept = inner.store.renewer().keep_from(first, self.claim.ttl, sent_at, move || {
            let (claim, ways) = (claim.clone(), Arc::clone(&ways));
            Box::pin(async move { ways.extend(&claim).await })
        });
        if let Some(max_hold) = self.request.longest_hold() {
            kept.limit(sent_at + max_hold);
        }
        let now = inner.store.clock().instant();
        let guard = Guard::new(Arc::clone(inner), Held::new(self.id, self.claim.clone(), fence, kept, now));
        if inner.closing.is_begun() {
            return Err(LockError::ShuttingDown);
        }
        // The grant may have come so late that the lease is over.
        if guard.valid_for().is_zero() {
            return Err(guard.lost_error(Loss::Expired));
        }
        Ok(guard)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        // Somebody may be handing the lock to this token just now.
        let is_chosen = self.succession.take().is_some_and(Succession::end);
        if self.may_be_known || is_chosen {
            self.locks.janitor.give_back(Task::new(&self.locks.store, &self.claim, None));
        }
    }
}
