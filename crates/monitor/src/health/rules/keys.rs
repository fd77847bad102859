//! Rules about the keys, as the last census found them.

use super::count;
use crate::{Rule, Unit};

const MEBIBYTE: f64 = 1_048_576.0;

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "endless-keys",
        "keys without a TTL outside `jobs` and `flag`, by census",
        "keys never end that should",
        "See the census for which they are; give them a TTL (EXPIRE), and find who writes them without one.",
    )
    .in_unit(Unit::Count)
    .warns_beyond(0.0, 10)
    .by_command("redstart keys")
    .needing("a census of the keys (--census)")
    .measures(|facts| facts.census.as_ref().map(|census| count(census.endless))),
    Rule::new(
        "big-key",
        "`MEMORY USAGE` of the biggest key, by census",
        "a key is big, and holds the server up whenever it is read or removed",
        "Split it or bound its length; remove it with UNLINK, which does not hold the server up.",
    )
    .in_unit(Unit::Bytes)
    .advises_beyond(MEBIBYTE, 5)
    .warns_beyond(10.0 * MEBIBYTE, 10)
    .by_command("redis-cli --bigkeys")
    .needing("a census of the keys (--census)")
    .measures(|facts| facts.census.as_ref()?.biggest_bytes().map(count)),
    Rule::new(
        "hot-key",
        "`OBJECT FREQ` of the hottest key, by census, where the policy counts uses",
        "one key is read far more than others",
        "Keep it in the processes (L1 of its cache), or spread it over several keys.",
    )
    .in_unit(Unit::Count)
    .advises_beyond(100.0, 5)
    .by_command("redis-cli --hotkeys")
    .needing("a census of the keys (--census), and an eviction policy that counts uses (allkeys-lfu)")
    .measures(|facts| facts.census.as_ref()?.hottest_frequency().map(f64::from)),
];
