//! The two ways to ask for a lock and to give it back: a short one while nobody contends for it, and a long one.

use std::sync::Arc;

use redstart_connection::{Renewal, Result, Store};
use redstart_keys::{Key, Ttl};

use crate::{
    Fence, Release,
    claim::{Claim, Kind},
    contended::Contended,
    gathering::{Gathering, Many},
    operations::{
        AcquireFree, Acquired, Extend, Free, GiveBackManyUnwaited, GiveBackUnwaited, GivenBack, HandOn,
        HandedOn, Raises, TakeFree, TakeManyFree, Token, Unwaited,
    },
    queue::Queues,
    successor::{Handed, Successor},
};

/// How the locks of one handle are asked for.
///
/// Every question is boxed: the futures of services nest what they call, and the compiler has a limit to that.
#[derive(Debug)]
pub(crate) struct Ways {
    store: Store,
    taking: Gathering<TakeManyFree>,
    extending: Gathering<Extend>,
    releasing: Gathering<GiveBackManyUnwaited>,
    raises: Raises,
    queues: Queues,
    contended: Contended,
    /// Those that other processes wanted: it would be in vain to hand them on within this one.
    foreign: Contended,
}

impl Ways {
    pub(crate) fn new(store: Store, queues: Queues) -> Self {
        Self {
            queues,
            taking: Gathering::new(store.clone()),
            raises: Raises::new(store.clock()),
            extending: Gathering::new(store.clone()),
            releasing: Gathering::new(store.clone()),
            contended: Contended::default(),
            foreign: Contended::default(),
            store,
        }
    }

    /// Asks once; with `waits` the token stands in line from then on.
    ///
    /// `may_be_known` says whether the store may know the token already, and is told when it does from the first
    /// of two questions on.
    pub(crate) async fn ask(&self, claim: &Claim, waits: bool, may_be_known: &mut bool) -> Result<Acquired> {
        let Claim { lock, token, ttl, .. } = claim;
        // A token in line must leave it when it gets the lock, or it would be handed the lock once more.
        let is_new = !*may_be_known;
        if is_new && self.is_short(claim) {
            let free = AcquireFree { lock: Arc::clone(lock), token: token.clone(), ttl: *ttl };
            match Box::pin(self.taking.ask(TakeFree::new(free, &self.raises))).await? {
                Some(Free::Granted { fence }) => return Ok(Acquired::Granted { fence }),
                Some(Free::Held { expires_in }) if !waits => {
                    return Ok(Acquired::Busy { expires_in: Some(expires_in), last_fence: None });
                }
                Some(Free::Held { .. }) => {}
                // It may be ours: the next question could fail without having been sent.
                Some(Free::Unclear) | None => *may_be_known = true,
            }
        }
        let acquired = Box::pin(claim.ask(&self.store, waits)).await?;
        match acquired {
            Acquired::Busy { .. } => self.contended.note(lock),
            Acquired::Granted { .. } if is_new => self.contended.forget(lock),
            Acquired::Granted { .. } => {}
        }
        Ok(acquired)
    }

    /// Prolongs what this got, along with all that is prolonged at this moment.
    pub(crate) async fn extend(&self, claim: &Claim) -> Renewal {
        let Claim { lock, token, ttl, kind } = claim;
        match kind {
            Kind::Whole { .. } => {
                let lease = (Arc::clone(lock), token.clone(), *ttl);
                let renewal = self.extending.ask_with_others(lease).await;
                renewal.ok().flatten().unwrap_or(Renewal::Unknown)
            }
            Kind::Shared(share) => claim.extend_share(*share, &self.store).await,
        }
    }

    /// Gives back what this got, or may have got if `fence` is none; who is next in the line of this process is
    /// handed it, unless others wait for it as well.
    pub(crate) async fn give_back(&self, claim: &Claim, fence: Option<Fence>) -> Result<GivenBack> {
        let Claim { lock, token, .. } = claim;
        // Kept to the end: one that is not handed the lock asks for it when it is free.
        let mut successor = fence.and_then(|_| self.queues.next(lock));
        let mut was_repeated = false;
        if let Some(next) = successor.take_if(|_| self.hands_on(lock)) {
            match Box::pin(self.hand_on(claim, next)).await? {
                None => return Ok(GivenBack::nobody_waited(Release::Released)),
                Some(refused) => (successor, was_repeated) = (Some(refused.successor), refused.was_repeated),
            }
        } else if fence.is_some() && self.is_short(claim) {
            let held = GiveBackUnwaited::shared(Arc::clone(lock), token.clone());
            match Box::pin(self.releasing.ask(held)).await? {
                Some(Unwaited::Released) => {
                    self.queues.note_free(lock);
                    return Ok(GivenBack::nobody_waited(Release::Released));
                }
                Some(Unwaited::Unclear { was_repeated: repeated }) => was_repeated = repeated,
                None => was_repeated = true,
            }
        }
        let given_back = Box::pin(claim.give_back(&self.store, fence)).await?;
        if given_back.next.is_some() {
            self.contended.note(lock);
        }
        match &given_back.next {
            Some(next) if next.token.instance() != token.instance() => self.foreign.note(lock),
            _ => self.foreign.forget(lock),
        }
        self.queues.note_free(lock);
        drop(successor);
        Ok(GivenBack { was_repeated: was_repeated || given_back.was_repeated, ..given_back })
    }

    /// Whether a holder of this process may hand the lock on: nobody else wanted it a moment ago.
    pub(crate) fn hands_on(&self, lock: &Key) -> bool {
        !self.foreign.has(lock)
    }

    /// Hands the lock to the next in the line of this process, unless others wait for it as well.
    async fn hand_on(&self, claim: &Claim, next: Successor) -> Result<Option<Refused>> {
        let sent_at = self.store.clock().instant();
        let hand_on = HandOn::new(&claim.lock, claim.token.clone(), next.token.clone(), next.ttl);
        Ok(match self.store.run(&hand_on).await? {
            HandedOn::Granted { fence } => {
                next.hand(Handed { fence, sent_at });
                None
            }
            HandedOn::Unclear { was_repeated } => Some(Refused { successor: next, was_repeated }),
        })
    }

    /// Whether it seems that nobody else wants the lock.
    fn is_short(&self, claim: &Claim) -> bool {
        // The embedded store is asked without a way.
        !claim.kind.is_strict() && !self.store.is_memory() && !self.contended.has(&claim.lock)
    }
}

/// What is left to do for one that could not be handed the lock.
struct Refused {
    successor: Successor,
    was_repeated: bool,
}

impl Many for TakeManyFree {
    type Question = TakeFree;
    type Answer = Free;

    fn add(self, question: TakeFree) -> Self {
        self.and(question)
    }
}

impl Many for Extend {
    type Question = (Arc<Key>, Token, Ttl);
    type Answer = Renewal;

    fn add(self, (lock, token, ttl): Self::Question) -> Self {
        self.and(&lock, token, ttl)
    }
}

impl Many for GiveBackManyUnwaited {
    type Question = GiveBackUnwaited;
    type Answer = Unwaited;

    fn add(self, question: GiveBackUnwaited) -> Self {
        self.and(question)
    }
}
