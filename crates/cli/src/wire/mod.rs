//! What the commands send to a server beyond the operations of the toolkit.
//!
//! The embedded store has no twin of these: it lives within one process and goes with it.

mod dump;
mod identify;
mod list;
mod patience;
mod restore;

use redstart_connection::Error;

pub(crate) use self::{
    dump::{Dump, Dumped},
    identify::{Identified, Identify},
    list::ListNames,
    patience::Patience,
    restore::{Restore, Restored, Restoring},
};

fn needs_server() -> Error {
    Error::unsupported("the embedded store ends with its process; name a server by --url or REDIS_URL")
}

#[cfg(test)]
mod tests {
    use redstart_connection::{Clock, ErrorKind, Operation, ScanCursor, Store};
    use redstart_keys::Pattern;

    use super::*;

    async fn refusal<O: Operation>(operation: &O) -> ErrorKind {
        Store::memory().run(operation).await.err().unwrap().kind()
    }

    #[tokio::test]
    async fn embedded_store_refuses_them() {
        let list = ListNames { pattern: Pattern::all(), from: ScanCursor::default() };
        assert_eq!(refusal(&list).await, ErrorKind::Unsupported);
        assert_eq!(refusal(&Dump { names: Vec::new() }).await, ErrorKind::Unsupported);
        assert_eq!(refusal(&Identify { clock: Clock::system() }).await, ErrorKind::Unsupported);
        assert_eq!(refusal(&Restore { keys: Vec::new(), replaces: false }).await, ErrorKind::Unsupported);
    }
}
