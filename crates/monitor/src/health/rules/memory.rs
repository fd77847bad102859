//! Rules about the server's memory.

use super::truth;
use crate::{Rule, ServerInfo, Unit, Window};

/// A smaller server's ratios are made of the program itself.
const LEAST: u64 = 64 * 1024 * 1024;

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "memory",
        "`used_memory` of `maxmemory`",
        "memory is close to its bound",
        "Raise maxmemory, shorten TTLs, or look for big keys and keys without a TTL.",
    )
    .in_unit(Unit::Ratio)
    .warns_beyond(0.80, 15)
    .critical_beyond(0.85, 30)
    .by_command("redstart keys")
    .needing("a bound of the memory (maxmemory)")
    .measures(|facts| facts.server.as_ref()?.memory.usage()),
    Rule::new(
        "evicts-coordination",
        "`maxmemory_policy` where locks, limits or state are kept",
        "the server may throw out locks when its memory is full",
        "Set maxmemory-policy to noeviction, or keep locks on a second server (REDIS_COORDINATION_URL).",
    )
    .warns_beyond(0.0, 20)
    .by_command("redstart configure --for coordination")
    .measures(|facts| {
        let memory = &facts.server.as_ref()?.memory;
        let evicts = memory.limit.is_some() && !matches!(memory.policy.as_str(), "noeviction" | "");
        truth(facts.status.relies_on_keeping && evicts)
    }),
    Rule::new(
        "evictions",
        "`evicted_keys` per minute",
        "keys are thrown out for want of memory",
        "Raise maxmemory, shorten TTLs, or cache less; what is thrown out is loaded again.",
    )
    .in_unit(Unit::Count)
    .warns_beyond(60.0, 10)
    .by_command("redstart configure --for cache --maxmemory 2gb")
    .needing("a minute to count in")
    .measures(|facts| facts.window.as_ref().and_then(Window::evicted_per_minute)),
    Rule::new(
        "fragmentation",
        "`mem_fragmentation_ratio`, from 64 MiB on",
        "memory is fragmented",
        "Turn on activedefrag, or restart the server at a quiet hour.",
    )
    .in_unit(Unit::Count)
    .warns_beyond(1.5, 5)
    .by_command("redis-cli CONFIG SET activedefrag yes")
    .needing("64 MiB of data at least")
    .measures(|facts| fragmentation(facts.server.as_ref()?)),
    Rule::new(
        "swap",
        "`mem_fragmentation_ratio`, from 64 MiB on: below 1, a part of the memory is not in memory",
        "the server is swapped out in part",
        "Give the machine more memory, or lower maxmemory below what it has; vm.swappiness should be 1.",
    )
    .in_unit(Unit::Count)
    .from_below()
    .critical_beyond(0.9, 30)
    .by_command("sysctl vm.swappiness=1")
    .needing("64 MiB of data at least")
    .measures(|facts| fragmentation(facts.server.as_ref()?).filter(|ratio| *ratio > 0.0)),
];

fn fragmentation(info: &ServerInfo) -> Option<f64> {
    (info.memory.used >= LEAST).then_some(info.memory.fragmentation)
}
