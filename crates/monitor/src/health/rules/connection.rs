//! Rules about the way to the server.

use redstart_connection::BreakerState;

use super::truth;
use crate::{Reach, Rule, Unit, facts::POOL_RULE};

const DAY: f64 = 86_400.0;

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "unreachable",
        "answer to `PING`",
        "the server does not answer",
        "Check that the server runs, and that address, credentials and network of the connection are right.",
    )
    .critical_beyond(0.0, 100)
    .by_command("redstart ping")
    .needing("an answer to PING")
    .measures(|facts| truth(facts.reach == Reach::Silent)),
    Rule::new(
        "breaker",
        "the breaker's state",
        "calls to the server are held back, since too many failed or were slow",
        "See why calls fail (the last error, the slow log, the network); when the cause is gone, the breaker \
         closes by itself within half a minute.",
    )
    .critical_beyond(0.0, 40)
    .by_command("redis-cli SLOWLOG GET 10")
    .needing("a server")
    .measures(|facts| truth(facts.status.breaker == BreakerState::Open)),
    Rule::new(
        "latency",
        "time of a `PING`",
        "a PING takes long",
        "Look for slow commands in the slow log, for swapping on the server, and at the network between.",
    )
    .in_unit(Unit::Seconds)
    .warns_beyond(0.010, 10)
    .critical_beyond(0.100, 30)
    .by_command("redis-cli SLOWLOG GET 10")
    .needing("an answer to PING")
    .measures(|facts| facts.latency.map(|latency| latency.as_secs_f64())),
    Rule::new(
        "slow-network",
        "time of a `PING` without the server's own p99",
        "most of the time is spent between this process and the server",
        "Look at the network between them, at the load of this machine, and at proxies on the way; bring the \
         two closer together.",
    )
    .in_unit(Unit::Seconds)
    .advises_beyond(0.010, 5)
    .by_command("redis-cli --latency")
    .needing("LATENCY HISTOGRAM (+latency|histogram), and commands to judge by")
    .measures(|facts| {
        let (latency, on_the_way) = (facts.latency?, facts.on_the_way()?);
        (on_the_way > latency / 2).then_some(on_the_way.as_secs_f64())
    }),
    // The threshold of its warning is that of the configuration, where there is one.
    Rule::new(
        POOL_RULE,
        "the larger share in use: of the lanes' permits, of the exclusive pool",
        "the connection is close to its capacity",
        "Raise REDIS_POOL_SIZE or the number of lanes, and look for slow or blocking commands.",
    )
    .in_unit(Unit::Ratio)
    .warns_beyond(0.80, 10)
    .critical_beyond(0.98, 30)
    .by_command("export REDIS_LANES=4 REDIS_POOL_SIZE=40")
    .needing("a server, whose connections are counted")
    .measures(|facts| if facts.reach == Reach::Overloaded { Some(1.0) } else { facts.pool_utilization() }),
    Rule::new(
        "pool-exhausted",
        "waits in vain for an exclusive connection, in five minutes",
        "calls found no exclusive connection in time",
        "Raise REDIS_POOL_SIZE, or see who keeps exclusive connections for long.",
    )
    .in_unit(Unit::Count)
    .warns_beyond(0.0, 15)
    .by_command("export REDIS_POOL_SIZE=40")
    .needing("a server")
    .measures(|facts| Some(super::count(facts.pool_exhausted))),
    Rule::new(
        "lanes",
        "lanes that are down",
        "some connections are down while others stand",
        "Look for resets between this process and the server: idle time-outs, proxies, client limits.",
    )
    .in_unit(Unit::Count)
    .warns_beyond(0.0, 10)
    .by_command("redis-cli CONFIG GET '*timeout*'")
    .needing("a server, whose connections are counted")
    .measures(|facts| match (facts.reach, facts.status.lanes.checked_sub(facts.status.connected)) {
        (Reach::Answered, Some(down)) => u32::try_from(down).ok().map(f64::from),
        _ => None,
    }),
    Rule::new(
        "certificate",
        "time until the server's certificate ends",
        "the server's certificate ends soon",
        "Renew the server's certificate and have the server read it (CONFIG SET tls-cert-file); connections \
         made from then on show it.",
    )
    .in_unit(Unit::Seconds)
    .from_below()
    .warns_beyond(14.0 * DAY, 10)
    .critical_beyond(3.0 * DAY, 30)
    .by_command("redis-cli CONFIG SET tls-cert-file /etc/redis/redis.crt tls-key-file /etc/redis/redis.key")
    .needing("a connection over TLS")
    .measures(|facts| facts.certificate_left().map(|left| left.as_secs_f64())),
    Rule::new(
        "clock-skew",
        "the server's `TIME` beside this machine's clock",
        "the clocks of this machine and of the server differ",
        "Set both by NTP; limits and leases follow the server's clock, logs and ages this machine's.",
    )
    .in_unit(Unit::Seconds)
    .warns_beyond(1.0, 10)
    .critical_beyond(30.0, 20)
    .by_command("timedatectl set-ntp true")
    .needing("TIME (+time)")
    .measures(|facts| facts.clock_skew.map(|skew| skew.as_secs_f64())),
];
