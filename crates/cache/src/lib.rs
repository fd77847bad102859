//! A typed cache in two tiers: this process, and Redis behind it.
//!
//! A refill that began before an invalidation never overwrites it, a missing entry is loaded once per
//! process however many ask for it, and a broken store never fails a read that the loader can answer.
//!
//! ```
//! use redstart_cache::{Cache, Source};
//! use redstart_connection::Store;
//! use redstart_keys::{Category, Entity, Ttl};
//!
//! const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let users = Cache::<u64, String>::new(&Store::memory(), &USER);
//! let load = || async { Ok::<_, std::io::Error>(Some("Ada".to_owned())) };
//!
//! let user = users.get_or_load(&42, load).await?.expect("the loader found it");
//! assert_eq!((user.as_str(), user.source()), ("Ada", Source::Loaded));
//! let user = users.get_or_load(&42, load).await?.expect("it is cached");
//! assert_eq!(user.source(), Source::L1);
//! # Ok(()) }
//! ```
//!
//! The protocol (a fill needs the ticket that its miss took; an invalidation takes the ticket away) is
//! described in the workspace's `ARCHITECTURE.md`.

mod batch;
mod builder;
mod cache;
mod cached;
mod codec;
mod coherence;
mod error;
mod event;
mod flight;
mod header;
mod l1;
mod loaded;
mod operations;
mod registry;
mod space;
mod stats;
mod sweep;
mod tag;
mod trial;
mod usage;
mod value;
mod warm;
mod watch;

pub use crate::{
    builder::{CacheBuilder, L1},
    cache::{Applied, Cache},
    cached::{Cached, Source},
    codec::{Codec, Compression},
    error::LoadError,
    loaded::Loaded,
    operations::{
        Adopt, Claim, ClaimPeriod, Claimed, Fill, FillEntry, Invalidate, Judge, Mint, NoteUses, PeriodClaim,
        Popular, Publish, Put, PutOutcome, Raise, Ranking, Read, Take, Ticket, Tickets,
    },
    registry::caches,
    stats::Stats,
    sweep::{SweepPage, Swept, sweep},
    tag::Tag,
    trial::{Comparison, Difference, TtlArm, TtlExperiment, TtlReport},
    usage::{Usage, Used},
    warm::{
        Ids, WarmCounts, WarmProgress, WarmReport, WarmRun, WarmSchedule, WarmTurn, WarmedCache, Warmer,
        Warming,
    },
};
