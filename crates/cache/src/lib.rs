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
mod cascade;
mod codec;
mod coherence;
mod debounced;
mod entry;
mod error;
mod event;
mod failures;
mod flight;
mod freshness;
mod header;
mod held;
mod invalidation;
mod l1;
mod loaded;
mod operations;
mod registry;
mod scheduled;
mod single_flight;
mod space;
mod stats;
mod survey;
mod sweep;
mod tag;
mod terms;
mod trial;
mod usage;
mod value;
mod warm;
mod watch;

pub use crate::{
    batch::Batch,
    builder::{CacheBuilder, L1},
    cache::{Cache, Version, WriteError, Written},
    cached::{Cached, Source},
    cascade::{Cascaded, declare},
    codec::{Codec, Compression},
    debounced::{Debounced, Heard},
    entry::Entry,
    error::LoadError,
    freshness::{EarlyRefresh, Freshness},
    invalidation::Applied,
    loaded::{Loaded, Present},
    operations::{
        Adopt, Await, Claim, ClaimPeriod, Claimed, CountWaiting, Due, DueNow, Expire, Fill, FillEntry,
        Filled, FinishDue, Invalidate, Judge, Mint, NoteUses, PeriodClaim, Popular, Prolong, Publish, Put,
        PutOutcome, Raise, Ranking, Read, ReadJudged, Release, Released, Schedule, Scheduling, Take, TakeDue,
        Ticket, Tickets, Unlink, Unschedule,
    },
    registry::caches,
    scheduled::Scheduled,
    single_flight::SingleFlight,
    stats::Stats,
    survey::{Survey, SurveyPage, survey},
    sweep::{SweepPage, Swept, sweep, sweep_with},
    tag::Tag,
    trial::{Comparison, Difference, TtlArm, TtlExperiment, TtlReport},
    usage::{Usage, Used},
    warm::{
        Ids, WarmCounts, WarmProgress, WarmReport, WarmRun, WarmSchedule, WarmTurn, WarmedCache, Warmer,
        Warming,
    },
};
