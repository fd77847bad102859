//! What came of an experiment.

use std::{fmt, sync::atomic::AtomicU64, time::Duration};

use redstart_keys::Ttl;
use serde::{Serialize, Serializer};

use super::{Arm, Comparison, Part};

/// What an experiment with TTLs has counted; its `Display` is a table with what can be said of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "camelCase")]
pub struct TtlReport {
    /// The name of the experiment.
    pub name: &'static str,
    /// The TTLs, the present one first.
    pub arms: Vec<TtlArm>,
}

/// What came of one TTL.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "camelCase")]
pub struct TtlArm {
    /// The TTL; seconds when serialized.
    #[serde(serialize_with = "ttl_seconds")]
    pub ttl: Ttl,
    /// Reads of its keys.
    pub reads: u64,
    /// Those that were answered without a load.
    pub hits: u64,
    /// Loads after the value had ended.
    pub reloads: u64,
    /// Those that brought another value: until then an old one was shown, or would have been.
    pub changed: u64,
    /// How long before such a load the former value had been loaded, on average: between nothing and this
    /// the old value was shown. None while nothing has changed.
    #[serde(serialize_with = "maybe_seconds")]
    pub age_at_change: Option<Duration>,
    /// Its hit rate against that of the present TTL; none for that one.
    pub hit_rate_against: Option<Comparison>,
    /// Its share of changed reloads against that of the present TTL; none for that one.
    pub changed_against: Option<Comparison>,
}

impl TtlReport {
    pub(super) fn new(name: &'static str, arms: &[Arm]) -> Self {
        let comparisons = 2 * arms.len().saturating_sub(1);
        let compare = |arm: &Arm, share: fn(&Part) -> (&AtomicU64, &AtomicU64)| {
            arms.first()
                .filter(|control| !std::ptr::eq(*control, arm))
                .map(|control| Comparison::new(&control.shares(share), &arm.shares(share), comparisons))
        };
        let told = |arm: &Arm| {
            let changed = arm.sum(|part| &part.changed);
            let age = arm.sum(|part| &part.age_at_change).checked_div(changed);
            TtlArm {
                ttl: arm.ttl,
                reads: arm.sum(|part| &part.reads),
                hits: arm.sum(|part| &part.hits),
                reloads: arm.sum(|part| &part.reloads),
                changed,
                age_at_change: age.map(Duration::from_millis),
                hit_rate_against: compare(arm, |part| (&part.hits, &part.reads)),
                changed_against: compare(arm, |part| (&part.changed, &part.reloads)),
            }
        };
        Self { name, arms: arms.iter().map(told).collect() }
    }
}

impl TtlArm {
    /// The share of reads that were answered without a load; none before the first read.
    #[must_use]
    pub fn hit_rate(&self) -> Option<f64> {
        share(self.hits, self.reads)
    }

    /// The share of reloads that brought another value; none before the first reload.
    #[must_use]
    pub fn changed_share(&self) -> Option<f64> {
        share(self.changed, self.reloads)
    }
}

impl fmt::Display for TtlReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: Option<f64>| {
            share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", 100.0 * share))
        };
        writeln!(f, "TTL experiment '{}'", self.name)?;
        writeln!(
            f,
            "{:>10} {:>12} {:>9} {:>10} {:>9} {:>14}",
            "ttl", "reads", "hit rate", "reloads", "changed", "age at change"
        )?;
        for arm in &self.arms {
            let (rate, changed) = (percent(arm.hit_rate()), percent(arm.changed_share()));
            let age = arm.age_at_change.map_or_else(|| "-".to_owned(), |age| format!("{age:.1?}"));
            let (ttl, reads, reloads) = (arm.ttl.to_string(), arm.reads, arm.reloads);
            writeln!(f, "{ttl:>10} {reads:>12} {rate:>9} {reloads:>10} {changed:>9} {age:>14}")?;
        }
        let Some(control) = self.arms.first() else { return Ok(()) };
        for arm in &self.arms {
            let (Some(rate), Some(changed)) = (&arm.hit_rate_against, &arm.changed_against) else { continue };
            let rate = rate.sentence("the hit rate");
            let changed = changed.sentence("the share of changed values");
            writeln!(f, "{} against {}: {rate}; {changed}.", arm.ttl, control.ttl)?;
        }
        f.write_str("The ranges are right together with a probability of 95 %.")
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
fn share(some: u64, all: u64) -> Option<f64> {
    (0 < all).then(|| some as f64 / all as f64)
}

fn ttl_seconds<S: Serializer>(ttl: &Ttl, serializer: S) -> Result<S::Ok, S::Error> {
    crate::stats::seconds(&ttl.as_duration(), serializer)
}

fn maybe_seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}
