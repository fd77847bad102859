//! Claims: one attempt to get hold of a lock, by its token.

use std::sync::Arc;

use redstart_connection::{Renewal, Result, Store};
use redstart_keys::{Key, Ttl};

use crate::{
    Fence,
    operations::{
        Acquire, AcquireShare, Acquired, ExtendShare, GiveBack, GiveBackShare, GivenBack, Share, Token,
    },
};

/// One attempt to get hold of a lock, and what it takes to keep and to end it.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) lock: Arc<Key>,
    pub(crate) token: Token,
    pub(crate) ttl: Ttl,
    pub(crate) kind: Kind,
}

/// How much of the lock is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// All of it.
    Whole { is_fair: bool },
    /// A share; who came first is always served first.
    Shared(Share),
}

impl Kind {
    /// Whether those who came later may not go before.
    pub(crate) const fn is_strict(self) -> bool {
        !matches!(self, Self::Whole { is_fair: false })
    }
}

impl Claim {
    pub(crate) async fn ask(&self, store: &Store, waits: bool) -> Result<Acquired> {
        let Self { lock, token, ttl, kind } = self;
        match *kind {
            Kind::Whole { is_fair } => {
                let acquire = Acquire::new(lock, token.clone(), *ttl);
                let acquire = if waits { acquire.waiting() } else { acquire };
                store.run(&if is_fair { acquire.fair() } else { acquire }).await
            }
            Kind::Shared(share) => {
                let acquire = AcquireShare::new(lock, share, token.clone(), *ttl);
                store.run(&if waits { acquire.waiting() } else { acquire }).await
            }
        }
    }

    pub(crate) async fn extend_share(&self, share: Share, store: &Store) -> Renewal {
        let extend = ExtendShare::new(&self.lock, share, self.token.clone(), self.ttl);
        store.run(&extend).await.unwrap_or(Renewal::Unknown)
    }

    /// Gives back what this got, or may have got if `fence` is none.
    pub(crate) async fn give_back(&self, store: &Store, fence: Option<Fence>) -> Result<GivenBack> {
        let Self { lock, token, ttl, kind } = self;
        match *kind {
            Kind::Whole { .. } => store.run(&GiveBack::new(lock, token.clone(), fence).asked_for(*ttl)).await,
            Kind::Shared(share) => store.run(&GiveBackShare::new(lock, share, token.clone(), fence)).await,
        }
    }
}
