//! The one door to Redis.
//!
//! A service describes each atomic step as an [`Operation`]; [`Store::run`] carries it out on Redis or
//! on the embedded in-memory store, within a deadline, retried only where that is safe, and measured.
//! The crates above never see a connection, a pool or a driver type.
//!
//! ```
//! use redstart_connection::{Cmd, Store};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let store = Store::memory();
//! assert!(store.is_memory());
//! // Commands of one's own need a real server; the embedded store says so.
//! let refused = store.command(Cmd::new("PING")).await;
//! assert!(refused.is_err());
//! # }
//! ```
//!
//! What holds for every call, whatever the store does:
//!
//! - it returns within its deadline;
//! - its error says whether the work may have been done ([`Certainty`]);
//! - work declared [`Effect::Once`] is never sent twice.

mod access;
mod clock;
mod cmd;
mod config;
mod door;
mod error;
mod events;
mod feed;
mod memory;
pub mod names;
mod operation;
mod redis;
mod renewer;
mod script;
mod standby;
mod status;
mod store;
mod subscription;
mod tasks;
mod telemetry;
mod value;

pub use crate::{
    access::{Access, TlsAccess},
    clock::{Clock, Timestamp},
    cmd::{Cmd, WriteArg},
    config::{
        BreakerConfig, Config, ConfigError, Credentials, CredentialsProvider, PasswordFile, Preset, Problem,
        TlsConfig, VARIABLES, Variable,
    },
    error::{Certainty, Error, ErrorKind, Result},
    events::{Event, Events},
    feed::{
        Acknowledge, After, Append, Cursor, Delivery, Entry, Feed, FindEnd, Given, LeaveGroup, Member,
        ReadAfter, ReadGroup,
    },
    memory::{Memory, Tx},
    operation::{BoxFuture, Effect, Operation, Outage},
    redis::{
        Batch, BreakerState, Capabilities, Carrier, Engine, Invocation, Page, Redis, ScanCursor, Version,
    },
    renewer::{Kept, Loss, Renewal, Renewer, Validity},
    script::Script,
    standby::Replay,
    status::Status,
    store::{Answer, By, Shutdown, Store},
    subscription::{Heard, Subscription},
    tasks::Tasks,
    value::Value,
};
