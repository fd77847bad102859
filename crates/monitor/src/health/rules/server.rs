//! Rules about what the server says of itself.

use super::{count, of, told, truth};
use crate::{Reach, Role, Rule, Unit, Window, info::ratio};

/// Fewer waiting clients are no sign of anything.
const MANY_CLIENTS: u64 = 10;

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "loading",
        "`LOADING` answers, `loading`",
        "the server is still loading its data",
        "Wait for the server to load its data; a restart begins it anew.",
    )
    .critical_beyond(0.0, 60)
    .by_command("redis-cli INFO persistence")
    .measures(|facts| truth(facts.reach == Reach::Loading || of(facts, |info| info.persistence.loading))),
    Rule::new(
        "read-only",
        "`role`",
        "the server is a replica and refuses writes",
        "Point the connection at the primary, or at the sentinels; if this server is to be the primary, \
         promote it (REPLICAOF NO ONE).",
    )
    .critical_beyond(0.0, 40)
    .by_command("redis-cli ROLE")
    .measures(|facts| told(facts, |info| info.replication.role == Role::Replica)),
    Rule::new(
        "cluster-state",
        "`cluster_state`",
        "the cluster does not serve all slots",
        "Bring the failed owners of slots back, or promote their replicas (CLUSTER FAILOVER FORCE).",
    )
    .critical_beyond(0.0, 60)
    .by_command("redis-cli CLUSTER NODES")
    .measures(|facts| truth(!facts.nodes.is_empty() && facts.cluster.known().is_some_and(|cluster| !cluster.ok))),
    Rule::new(
        "no-password",
        "the flags of the user `default`: 1 on this machine, 2 elsewhere",
        "everybody who reaches the server may come in",
        "Set a password (CONFIG SET requirepass, or ACL SETUSER default) and give it to the services \
         (REDIS_PASSWORD); better, a user of its own for each service.",
    )
    .advises_beyond(0.0, 5)
    .warns_beyond(1.0, 20)
    .by_command("redstart security --acl")
    .needing("ACL GETUSER (+acl|getuser)")
    .measures(|facts| {
        let is_open = facts.default_user.known()?.is_open();
        Some(if !is_open { 0.0 } else if facts.is_local { 1.0 } else { 2.0 })
    }),
    Rule::new(
        "slow-commands",
        "entries of the slow log of 10 ms and more, in five minutes",
        "commands hold the server up",
        "See the slow log for which they are; replace them by ones that do less at a time (SCAN for KEYS, \
         UNLINK for DEL, pages for whole collections).",
    )
    .in_unit(Unit::Count)
    .advises_beyond(0.0, 5)
    .warns_beyond(10.0, 10)
    .by_command("redis-cli SLOWLOG GET 10")
    .needing("SLOWLOG GET (+slowlog|get)")
    .measures(|facts| facts.slow_calls.known().map(|calls| count(*calls))),
    Rule::new(
        "hit-rate",
        "`keyspace_hits`, `keyspace_misses`, in five minutes and of 1,000 at least",
        "few reads find their key",
        "Warm the caches, lengthen TTLs, and see whether keys are evicted or invalidated too often.",
    )
    .in_unit(Unit::Ratio)
    .from_below()
    .warns_beyond(0.90, 10)
    .critical_beyond(0.70, 25)
    .by_command("redis-cli INFO stats")
    .needing("1,000 lookups to judge by")
    .measures(|facts| facts.window.as_ref().and_then(Window::hit_rate)),
    Rule::new(
        "clients",
        "`connected_clients` of `maxclients`",
        "the server has few connections left",
        "Look for a client that leaks connections (CLIENT LIST), or raise maxclients.",
    )
    .in_unit(Unit::Ratio)
    .warns_beyond(0.80, 10)
    .critical_beyond(0.95, 30)
    .by_command("redis-cli CLIENT LIST")
    .measures(|facts| facts.server.as_ref()?.clients.usage()),
    Rule::new(
        "rejected-connections",
        "`rejected_connections` per minute",
        "the server refuses connections",
        "Raise maxclients, or lower the number of connections per process.",
    )
    .in_unit(Unit::Count)
    .warns_beyond(5.0, 15)
    .by_command("redis-cli CONFIG SET maxclients 20000")
    .needing("a minute to count in")
    .measures(|facts| facts.window.as_ref().and_then(Window::rejected_per_minute)),
    Rule::new(
        "blocked-clients",
        "the share of `blocked_clients`, when there are 10",
        "many clients wait in blocking commands",
        "See what they wait for (CLIENT LIST) and whether anybody still adds to it; end those that nobody \
         serves (CLIENT UNBLOCK).",
    )
    .in_unit(Unit::Ratio)
    .advises_beyond(0.5, 5)
    .by_command("redis-cli CLIENT LIST")
    .needing("10 clients that wait")
    .measures(|facts| {
        let clients = &facts.server.as_ref()?.clients;
        if clients.blocked < MANY_CLIENTS { None } else { ratio(clients.blocked, clients.connected) }
    }),
    Rule::new(
        "snapshot",
        "`rdb_last_bgsave_status`",
        "the last snapshot failed",
        "Look at the server's log and the space on its disk; vm.overcommit_memory should be 1. When the cause \
         is gone, BGSAVE.",
    )
    .warns_beyond(0.0, 15)
    .by_command("redis-cli BGSAVE")
    .measures(|facts| told(facts, |info| info.persistence.snapshot_failed)),
    Rule::new(
        "append-only-file",
        "`aof_last_write_status`, `aof_last_bgrewrite_status`",
        "the append-only file can't be written",
        "Make room on the server's disk and see that its folder can be written; until then the server may \
         refuse writes. When the cause is gone, BGREWRITEAOF.",
    )
    .critical_beyond(0.0, 30)
    .by_command("redis-cli BGREWRITEAOF")
    .measures(|facts| told(facts, |info| info.persistence.append_failed)),
    Rule::new(
        "replica-link",
        "`master_link_status`",
        "this replica has lost its primary",
        "Check the primary and the network to it; what is read here grows old.",
    )
    .critical_beyond(0.0, 30)
    .by_command("redis-cli INFO replication")
    .measures(|facts| told(facts, |info| info.replication.link_up == Some(false))),
    Rule::new(
        "replica-lag",
        "the longest silence of a replica",
        "a replica has not been heard of for long",
        "Check the replica and the network to it; a failover now would lose writes.",
    )
    .in_unit(Unit::Seconds)
    .warns_beyond(10.0, 10)
    .by_command("redis-cli INFO replication")
    .needing("a replica that is attached")
    .measures(|facts| facts.server.as_ref()?.replication.lag.map(|lag| lag.as_secs_f64())),
    Rule::new(
        "no-info",
        "answer to `INFO`",
        "the server does not tell its state",
        "Allow the user of this connection the command INFO (+info).",
    )
    .warns_beyond(0.0, 5)
    .by_command("redis-cli ACL SETUSER app +info")
    .needing("an answer to PING")
    .measures(|facts| truth(facts.reach == Reach::Answered && facts.server.is_none())),
];
