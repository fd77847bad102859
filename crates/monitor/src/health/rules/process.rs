//! Rules about what this process has recorded of itself.

use super::count;
use crate::{ClientWindow, Facts, Rule, Unit};

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "errors",
        "the share of failed operations but the monitor's own, in five minutes and of 100 at least",
        "operations fail",
        "See the log, and the label outcome of redstart_operation_duration_seconds, for how they fail.",
    )
    .in_unit(Unit::Ratio)
    .warns_beyond(0.01, 15)
    .critical_beyond(0.10, 30)
    .needing("what the service records: see its /api/health/redis")
    .measures(|facts| facts.client.as_ref().and_then(ClientWindow::error_rate)),
    Rule::new(
        "limiter-errors",
        "`limiter_redis_errors`, in five minutes",
        "limits are decided without the server, by their outage rule",
        "Bring the server back; until then those limits are open or closed for everybody.",
    )
    .in_unit(Unit::Count)
    .critical_beyond(0.0, 20)
    .needing("what the service records: see its /api/health/redis")
    .measures(|facts| client(facts, |client| client.limiter_errors)),
    Rule::new(
        "lock-losses",
        "`redstart_lock_losses_total`, in five minutes",
        "locks were lost while they were held",
        "Look for pauses of this process, slow answers and failovers; lengthen the TTL of the lock.",
    )
    .in_unit(Unit::Count)
    .warns_beyond(0.0, 15)
    .needing("what the service records: see its /api/health/redis")
    .measures(|facts| client(facts, |client| client.lock_losses)),
];

fn client(facts: &Facts, of: impl FnOnce(&ClientWindow) -> u64) -> Option<f64> {
    facts.client.as_ref().map(|client| count(of(client)))
}
