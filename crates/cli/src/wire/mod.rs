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
