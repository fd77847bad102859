//! Names, a page at a time.

use redstart_connection::{Effect, Memory, Operation, Outage, Page, Redis, Result, ScanCursor, Timestamp};
use redstart_keys::Pattern;

use super::needs_server;

/// How many names one step looks at.
const COUNT: u64 = 1_000;

/// One step of a walk over the names as the server has them.
#[derive(Clone, Debug)]
pub(crate) struct ListNames {
    pub(crate) pattern: Pattern,
    pub(crate) from: ScanCursor,
}

impl Operation for ListNames {
    type Output = Page;
    const NAME: &'static str = "cli.list";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(page: &Page) -> &'static str {
        if page.next.is_none() { "last" } else { "more" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Page> {
        redis.scan(&self.from, &self.pattern, COUNT).await
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<Page> {
        Err(needs_server())
    }
}
