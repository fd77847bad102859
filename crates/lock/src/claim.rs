//! Claims: one attempt to get hold of a lock, by its token.

use redstart_connection::{Renewal, Result, Store};
use redstart_keys::{Key, Ttl};

use crate::{
    Fence,
    operations::{Acquire, Acquired, GiveBack, GivenBack, Token},
    renewals::Renewals,
};

/// One attempt to get hold of a lock, and what it takes to keep and to end it.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) lock: Key,
    pub(crate) token: Token,
    pub(crate) ttl: Ttl,
    pub(crate) is_fair: bool,
}

impl Claim {
    pub(crate) async fn ask(&self, store: &Store, waits: bool) -> Result<Acquired> {
        let acquire = Acquire::new(&self.lock, self.token.clone(), self.ttl);
        let acquire = if waits { acquire.waiting() } else { acquire };
        store.run(&if self.is_fair { acquire.fair() } else { acquire }).await
    }

    pub(crate) async fn extend(&self, renewals: &Renewals) -> Renewal {
        renewals.extend(&self.lock, self.token.clone(), self.ttl).await
    }

    /// Gives back what this got, or may have got if `fence` is none.
    pub(crate) async fn give_back(&self, store: &Store, fence: Option<Fence>) -> Result<GivenBack> {
        store.run(&GiveBack::new(&self.lock, self.token.clone(), fence)).await
    }
}
