//! How long the server takes over its commands.

use std::{collections::BTreeMap, time::Duration};

use redstart_connection::{Cmd, Result, Value};
use serde::Serialize;

use super::{Question, question::pairs};
use crate::durations;

/// How many commands are shown, those that took most time first.
const MAX_COMMANDS: usize = 20;

/// Asks how long the server has taken over its commands since its start.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AskLatency;

/// How long the server has taken over its commands since its start.
///
/// For each command: how many calls took at most so many microseconds.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Histograms(BTreeMap<String, Vec<(u64, u64)>>);

/// How long the server took over its commands in a window of time, without network and queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ServerLatency {
    /// How long the window is, in seconds; none for the life of the server.
    pub seconds: Option<f64>,
    /// All commands together.
    pub all: CommandLatency,
    /// Those that took most of the time, 20 at most.
    pub commands: Vec<CommandLatency>,
}

/// How long the server took over calls of one command.
///
/// The server counts in powers of two, so a time is the upper bound of its class.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CommandLatency {
    /// Its name; `all` for all of them.
    pub command: String,
    /// How many calls.
    pub calls: u64,
    /// Half of them took at most so long.
    #[serde(rename = "p50Ms", serialize_with = "durations::milliseconds")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub p50: Duration,
    /// 99 in a hundred took at most so long.
    #[serde(rename = "p99Ms", serialize_with = "durations::milliseconds")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub p99: Duration,
    /// All of them took at most so long.
    #[serde(rename = "maxMs", serialize_with = "durations::milliseconds")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub max: Duration,
}

impl Question for AskLatency {
    type Answer = Histograms;
    const NAME: &'static str = "monitor.latency";

    fn cmd(&self) -> Cmd {
        Cmd::new("LATENCY").arg("HISTOGRAM")
    }

    fn read(&self, answer: Value) -> Result<Histograms> {
        let mut histograms = BTreeMap::new();
        for (command, told) in pairs(answer)? {
            let Some((_, classes)) = pairs(told)?.into_iter().find(|(name, _)| name == "histogram_usec")
            else {
                continue;
            };
            let mut numbers = classes
                .into_array()?
                .into_iter()
                .map(|number| number.into_int().map(|number| u64::try_from(number).unwrap_or_default()));
            let mut bounds = Vec::new();
            while let (Some(bound), Some(count)) = (numbers.next(), numbers.next()) {
                bounds.push((bound?, count?));
            }
            histograms.insert(command, bounds);
        }
        Ok(Histograms(histograms))
    }
}

impl Histograms {
    /// What came since an earlier answer; everything when the server has begun anew since.
    #[must_use]
    pub fn since(&self, earlier: Option<(Duration, &Self)>) -> ServerLatency {
        let comparable = earlier.filter(|(_, earlier)| !self.has_begun_anew(earlier));
        let mut all = BTreeMap::<u64, u64>::new();
        let mut commands = Vec::new();
        for (command, bounds) in &self.0 {
            let before = comparable.and_then(|(_, earlier)| earlier.0.get(command));
            let calls = gained(bounds, before.map_or(&[], Vec::as_slice));
            for (bound, count) in &calls {
                *all.entry(*bound).or_default() += count;
            }
            let latency = CommandLatency::of(command, &calls);
            if latency.calls > 0 {
                let cost: u64 = calls.iter().map(|(bound, count)| bound.saturating_mul(*count)).sum();
                commands.push((cost, latency));
            }
        }
        commands.sort_by_key(|(cost, _)| std::cmp::Reverse(*cost));
        ServerLatency {
            seconds: comparable.map(|(ago, _)| ago.as_secs_f64()),
            all: CommandLatency::of("all", &all.into_iter().collect::<Vec<_>>()),
            commands: commands.into_iter().map(|(_, latency)| latency).take(MAX_COMMANDS).collect(),
        }
    }

    /// Whether some command has fewer calls than before: the server, or its statistics, began anew.
    fn has_begun_anew(&self, earlier: &Self) -> bool {
        let total = |bounds: &[(u64, u64)]| bounds.last().map_or(0, |(_, count)| *count);
        earlier
            .0
            .iter()
            .any(|(command, bounds)| total(bounds) > self.0.get(command).map_or(0, |bounds| total(bounds)))
    }
}

/// How many calls each class has gained; both lists count the calls up to each bound.
fn gained(now: &[(u64, u64)], before: &[(u64, u64)]) -> Vec<(u64, u64)> {
    // Classes that were empty are left out, so the count up to a bound is that of the last class below it.
    let until = |bound: u64| {
        before.iter().take_while(|(earlier, _)| *earlier <= bound).last().map_or(0, |(_, count)| *count)
    };
    let mut below = 0;
    now.iter()
        .map(|&(bound, count)| {
            let total = count.saturating_sub(until(bound));
            let gained = total.saturating_sub(below);
            below = total;
            (bound, gained)
        })
        .collect()
}

impl CommandLatency {
    /// From the calls of each class.
    fn of(command: &str, calls: &[(u64, u64)]) -> Self {
        let total: u64 = calls.iter().map(|(_, count)| count).sum();
        let at = |share_in_hundred: u64| {
            let rank = total.saturating_mul(share_in_hundred).div_ceil(100);
            let mut seen = 0;
            let class = calls.iter().find(|(_, count)| {
                seen += count;
                seen >= rank && *count > 0
            });
            class.map_or(Duration::ZERO, |(bound, _)| Duration::from_micros(*bound))
        };
        Self { command: command.to_owned(), calls: total, p50: at(50), p99: at(99), max: at(100) }
    }
}

#[cfg(test)]
mod tests;
