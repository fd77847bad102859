//! Leases: tokens that a process is charged for in advance, and gives out without a round trip.

use std::{
    collections::HashMap,
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use crate::{
    Decision, LimitState, Limiter, Policy, Reading, Source, Subject,
    rule::{Rule, micros},
};

/// For how many subjects tokens are held; those on top are asked for one by one.
const MOST: usize = 100_000;
/// The part of a limit that one lease takes at most.
const LARGEST_PART: u32 = 8;

/// A limiter that takes tokens in advance, where a policy [lends](Policy::lent_for) them.
///
/// A subject that comes often costs a round trip per lease instead of one per call. The size of a lease
/// doubles each time it is used up before its end, and halves when some was left, which is then given back.
/// What is held here was charged on the server before, so the limit is never exceeded; while several
/// processes hold tokens for one subject, up to what they hold may be refused although it was left: at
/// most an eighth of the limit for each process, for at most the time of the lease.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_ratelimit::{Leases, Limiter, Policy, Source};
/// use std::time::Duration;
///
/// const API: Policy = Policy::per_minute("api", 600).lent_for(Duration::from_secs(1));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let leases = Leases::new(&Limiter::new(Store::memory()));
/// let mut answers = Vec::new();
/// for _ in 0..4 {
///     answers.push(leases.check(&API, "ada").await.source());
/// }
/// assert_eq!(answers, [Source::Memory, Source::Memory, Source::Lease, Source::Memory]);
/// # }
/// ```
#[derive(Clone)]
pub struct Leases(Arc<Inner>);

struct Inner {
    limiter: Limiter,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    by_subject: HashMap<Place, Lease>,
    is_swept: bool,
}

/// The name of a policy, and a subject of it.
#[derive(Eq, PartialEq)]
struct Place(&'static str, Subject);

impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Of one subject there are few policies, so their names need not be hashed.
        self.1.hash(state);
    }
}

struct Lease {
    policy: Policy,
    subject: Subject,
    /// How many are left of it.
    tokens: u32,
    /// How many are asked for when these are used up.
    size: u32,
    /// Counted from before it was asked for, so that it ends here before it does on the server.
    ends_at: Instant,
    /// Whether somebody is asking for more just now.
    is_asking: bool,
    /// What the server had left after it, and when that was heard.
    charge: Option<(LimitState, Instant)>,
}

impl Leases {
    /// Leases of what `limiter` counts.
    #[must_use]
    pub fn new(limiter: &Limiter) -> Self {
        let inner = Arc::new(Inner { limiter: limiter.clone(), held: Mutex::default() });
        let leases = Arc::downgrade(&inner);
        limiter.store().on_shutdown(move || {
            Box::pin(async move {
                if let Some(inner) = leases.upgrade() {
                    let all = inner.held().by_subject.drain().map(|(_, lease)| lease).collect();
                    inner.give_back(all).await;
                }
            })
        });
        Self(inner)
    }

    /// Charges one call, from a lease if there is one.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, the call and a lease may have been charged; they come back by themselves.
    #[must_use = "a decision that nobody obeys limits nothing"]
    pub async fn check(&self, policy: &Policy, subject: impl Into<Subject>) -> Decision {
        let subject = subject.into();
        if policy.lease_time().is_zero() || policy.is_on_trial() {
            return self.0.limiter.check(policy, subject).await;
        }
        let place = Place(policy.name(), subject);
        let now = self.0.limiter.store().clock().instant();
        match self.0.spend(policy, &place, now) {
            Step::Spent(decision) => {
                self.0.limiter.count_lent(&decision, now);
                decision
            }
            Step::Alone => {
                let decision = self.0.limiter.check(policy, place.1.clone()).await;
                if decision.is_allowed() {
                    self.0.remember(policy, place, now);
                    self.ensure_swept();
                }
                decision
            }
            Step::Beside => self.0.limiter.check(policy, place.1).await,
            Step::Ask(size) => {
                let asking = Asking { leases: &self.0, place: &place };
                let decision = self.0.limiter.check_up_to(policy, place.1.clone(), size).await;
                self.0.settle(asking.place, policy, &decision, now);
                drop(asking);
                decision.charged_one()
            }
        }
    }

    /// Gives back what is unused of leases that have ended, as long as there are any.
    fn ensure_swept(&self) {
        let pause = {
            let mut held = self.0.held();
            if held.is_swept {
                return;
            }
            held.is_swept = true;
            held.by_subject.values().map(|lease| lease.policy.lease_time()).max().unwrap_or_default()
        };
        let sweep = sweep(Arc::downgrade(&self.0), pause);
        if !self.0.limiter.store().tasks().spawn("limit leases", sweep) {
            self.0.held().is_swept = false;
        }
    }
}

/// What to do for one call.
enum Step {
    Spent(Decision),
    /// Ask for one, as nothing is known of the subject.
    Alone,
    /// Ask for one, as somebody else asks for a lease.
    Beside,
    /// Ask for a lease of this size.
    Ask(u32),
}

impl Inner {
    fn spend(&self, policy: &Policy, place: &Place, now: Instant) -> Step {
        let mut held = self.held();
        let is_full = MOST <= held.by_subject.len();
        let Some(lease) = held.by_subject.get_mut(place) else {
            return if is_full { Step::Beside } else { Step::Alone };
        };
        if !lease.policy.counts_like(policy) {
            return Step::Beside;
        }
        let has_ended = lease.ends_at <= now;
        if !has_ended && 0 < lease.tokens {
            lease.tokens -= 1;
            return Step::Spent(lease.decision(now));
        }
        if lease.is_asking {
            return Step::Beside;
        }
        if has_ended && 0 < lease.tokens {
            // The sweep gives them back; until then somebody else may need them.
            return Step::Beside;
        }
        lease.is_asking = true;
        Step::Ask(lease.size)
    }

    fn remember(&self, policy: &Policy, place: Place, now: Instant) {
        let lease = Lease {
            policy: *policy,
            subject: place.1.clone(),
            tokens: 0,
            size: 2.min(largest(policy)),
            ends_at: now + policy.lease_time(),
            is_asking: false,
            charge: None,
        };
        self.held().by_subject.entry(place).or_insert(lease);
    }

    /// Keeps what was charged in advance.
    fn settle(&self, place: &Place, policy: &Policy, decision: &Decision, sent_at: Instant) {
        let mut held = self.held();
        let Some(lease) = held.by_subject.get_mut(place) else { return };
        let charged = decision.charged();
        let is_counted = matches!(decision.source(), Source::Redis | Source::Memory);
        if !decision.is_allowed() || !is_counted || charged == 0 {
            return;
        }
        // Asked again before the end: it was too small.
        let used_up = sent_at < lease.ends_at;
        lease.size = if used_up { (lease.size * 2).min(largest(&lease.policy)) } else { lease.size };
        lease.tokens = charged - 1;
        lease.ends_at = sent_at + policy.lease_time();
        lease.charge = decision.limits().first().map(|state| (*state, sent_at));
    }

    /// Takes out what has ended; answers what of it has to be given back.
    fn sweep(&self, now: Instant) -> Vec<Lease> {
        let mut ended = Vec::new();
        let mut held = self.held();
        held.by_subject.retain(|_, lease| {
            if now < lease.ends_at || lease.is_asking {
                return true;
            }
            let left = lease.take();
            let is_idle = left.is_none() && lease.size <= 2;
            lease.size = (lease.size / 2).max(1);
            // One more round without a call, and it is forgotten.
            lease.ends_at = now + lease.policy.lease_time();
            ended.extend(left);
            !is_idle
        });
        held.is_swept = !held.by_subject.is_empty();
        ended
    }

    async fn give_back(&self, leases: Vec<Lease>) {
        for lease in leases {
            let Some((charge, _)) = lease.charge else { continue };
            let unused = LimitState { charged: lease.tokens, ..charge };
            let unused = Decision::one(Source::Redis, unused);
            let refund = self.limiter.refund(&lease.policy, lease.subject, &unused).await;
            if let Err(error) = refund {
                tracing::debug!(%error, "tokens of a lease come back by themselves");
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    fn decision(&self, now: Instant) -> Decision {
        let Some((state, heard)) = self.charge else {
            return Decision::one(Source::Lease, LimitState::new(&self.policy, Reading::default(), 0));
        };
        let elapsed = now.saturating_duration_since(heard);
        let state = LimitState {
            remaining: state.remaining.saturating_add(self.tokens),
            reset_after: state.reset_after.saturating_sub(elapsed),
            at: state.at.saturating_add(micros(elapsed)),
            // A refund of it would take back what was not charged for this call alone.
            charged: 0,
            ..state
        };
        Decision::one(Source::Lease, state)
    }

    /// Takes out the unused tokens.
    fn take(&mut self) -> Option<Self> {
        let tokens = std::mem::take(&mut self.tokens);
        let charge = self.charge.take();
        (0 < tokens).then(|| Self { subject: self.subject.clone(), tokens, charge, ..*self })
    }
}

/// Somebody asks for a lease; whatever ends that, the next may ask again.
struct Asking<'a> {
    leases: &'a Inner,
    place: &'a Place,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if let Some(lease) = self.leases.held().by_subject.get_mut(self.place) {
            lease.is_asking = false;
        }
    }
}

async fn sweep(leases: Weak<Inner>, pause: Duration) {
    loop {
        tokio::time::sleep(pause).await;
        let Some(inner) = leases.upgrade() else { return };
        let ended = inner.sweep(inner.limiter.store().clock().instant());
        inner.give_back(ended).await;
        if !inner.held().is_swept {
            return;
        }
    }
}

fn largest(policy: &Policy) -> u32 {
    (Rule::of(policy).capacity() / LARGEST_PART).max(1)
}

impl fmt::Debug for Leases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subjects = self.0.held().by_subject.len();
        f.debug_struct("Leases").field("subjects", &subjects).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
