//! Experiments with TTLs: keys are split between several, and what came of each is compared.

mod report;
mod significance;

use std::{
    fmt,
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use moka::sync::Cache as Map;
use redstart_connection::Timestamp;
use redstart_keys::Ttl;
use serde::Serialize;

use self::significance::Share;
pub use self::{
    report::{TtlArm, TtlReport},
    significance::{Comparison, Difference},
};

/// How many parts the keys of an arm are counted in. Reads of one key resemble each other, so parts, and
/// not reads, are what an arm is judged by.
const PARTS: usize = 64;
/// Of how many keys the last value is remembered, to tell whether a reload brought another one.
const REMEMBERED: u64 = 20_000;

/// Splits the keys of a cache between several TTLs and compares what comes of it.
///
/// Which TTL a key gets depends on its name alone, so all processes agree and a restart changes nothing.
/// What is counted is what this process reads and loads.
///
/// ```
/// use redstart_cache::{Cache, TtlExperiment};
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, Ttl};
///
/// const PRODUCT: Entity<u64> = Entity::new(Category::Cache, "product").ttl(Ttl::hours(1));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let experiment = TtlExperiment::new("product", Ttl::hours(1), Ttl::minutes(10));
/// let products = Cache::builder(&Store::memory(), &PRODUCT).experiment(&experiment).build();
/// for id in 0..100 {
///     products.get_or_load(&id, || async { Ok::<_, std::io::Error>(format!("product {id}")) }).await?;
/// }
/// let report = experiment.report();
/// assert_eq!(report.arms.iter().map(|arm| arm.reads).sum::<u64>(), 100);
/// println!("{report}");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct TtlExperiment(Arc<Inner>);

struct Inner {
    name: &'static str,
    arms: Vec<Arm>,
    last: Map<u64, Last>,
}

/// One of the TTLs.
struct Arm {
    ttl: Ttl,
    parts: Box<[Part]>,
}

/// What was counted of one part of an arm's keys.
#[derive(Default)]
struct Part {
    reads: AtomicU64,
    hits: AtomicU64,
    reloads: AtomicU64,
    changed: AtomicU64,
    /// How old the values were whose reload brought another one, in ms.
    age_at_change: AtomicU64,
}

/// What a load brought.
#[derive(Clone, Copy)]
struct Last {
    fingerprint: u64,
    loaded: Timestamp,
    ends: Timestamp,
}

impl TtlExperiment {
    /// An experiment between the present TTL and another; the name appears in the report, and another name
    /// splits the keys in another way.
    #[must_use]
    pub fn new(name: &'static str, present: Ttl, other: Ttl) -> Self {
        let arms = vec![Arm::new(present), Arm::new(other)];
        Self(Arc::new(Inner { name, arms, last: Map::new(REMEMBERED) }))
    }

    /// A further TTL; what was counted before is forgotten.
    #[must_use]
    pub fn arm(self, ttl: Ttl) -> Self {
        let Inner { name, arms, .. } = &*self.0;
        let ttls = arms.iter().map(|arm| arm.ttl).chain([ttl]);
        let arms = ttls.map(Arm::new).collect();
        Self(Arc::new(Inner { name, arms, last: Map::new(REMEMBERED) }))
    }

    /// The longest of the TTLs.
    pub(crate) fn longest(&self) -> Ttl {
        self.0.arms.iter().map(|arm| arm.ttl).fold(Ttl::millis(1), Ttl::max)
    }

    pub(crate) fn ttl(&self, name: &[u8]) -> Ttl {
        self.place(name).0.ttl
    }

    pub(crate) fn read(&self, name: &[u8], is_hit: bool) {
        let (_, part, _) = self.place(name);
        part.reads.fetch_add(1, Ordering::Relaxed);
        part.hits.fetch_add(is_hit.into(), Ordering::Relaxed);
    }

    /// Notes a load. Only one that came because the former value had ended tells of a TTL; a value that was
    /// invalidated, or thrown out, was not shown until its end.
    pub(crate) fn loaded(&self, name: &[u8], fingerprint: u64, now: Timestamp, ends: Timestamp) {
        let (_, part, hash) = self.place(name);
        if let Some(last) = self.0.last.get(&hash).filter(|last| last.ends <= now) {
            part.reloads.fetch_add(1, Ordering::Relaxed);
            if last.fingerprint != fingerprint {
                part.changed.fetch_add(1, Ordering::Relaxed);
                let age = u64::try_from(now.since(last.loaded).as_millis()).unwrap_or(u64::MAX);
                part.age_at_change.fetch_add(age, Ordering::Relaxed);
            }
        }
        self.0.last.insert(hash, Last { fingerprint, loaded: now, ends });
    }

    /// What was counted until now, and what can be said of it.
    #[must_use]
    pub fn report(&self) -> TtlReport {
        TtlReport::new(self.0.name, &self.0.arms)
    }

    /// The arm and part of a name, and its hash.
    fn place(&self, name: &[u8]) -> (&Arm, &Part, u64) {
        let mut hash = Fnv::default();
        hash.add(self.0.name.as_bytes());
        hash.add(name);
        let hash = hash.finish();
        let arms = self.0.arms.len() as u64;
        let arm = &self.0.arms[usize::try_from(hash % arms).unwrap_or(0)];
        let part = &arm.parts[usize::try_from(hash / arms % PARTS as u64).unwrap_or(0)];
        (arm, part, hash)
    }
}

impl Arm {
    fn new(ttl: Ttl) -> Self {
        Self { ttl, parts: (0..PARTS).map(|_| Part::default()).collect() }
    }

    /// A share of the arm's counts, by part.
    fn shares(&self, share: impl Fn(&Part) -> (&AtomicU64, &AtomicU64)) -> Vec<Share> {
        let counts = self.parts.iter().map(|part| {
            let (some, all) = share(part);
            Share { some: some.load(Ordering::Relaxed), all: all.load(Ordering::Relaxed) }
        });
        counts.filter(|share| 0 < share.all).collect()
    }

    fn sum(&self, count: impl Fn(&Part) -> &AtomicU64) -> u64 {
        self.parts.iter().map(|part| count(part).load(Ordering::Relaxed)).sum()
    }
}

impl fmt::Debug for TtlExperiment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ttls = self.0.arms.iter().map(|arm| arm.ttl.to_string());
        f.debug_struct("TtlExperiment")
            .field("name", &self.0.name)
            .field("ttls", &ttls.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A number that two values share if they are written alike.
///
/// What is not written in the same order each time, such as a `HashMap`, always looks changed.
pub(crate) fn fingerprint<V: Serialize>(value: Option<&V>) -> u64 {
    let mut hash = Fnv::default();
    // What can't be written is not kept, and looks like any other that can't.
    let _written = serde_json::to_writer(&mut hash, &value);
    hash.finish()
}

/// FNV-1a with a finish that spreads: the same in every process and every release.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    const fn finish(&self) -> u64 {
        let mut hash = self.0;
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ (hash >> 33)
    }
}

impl Write for Fnv {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
