//! What is worth an alert, as data.

use std::time::Duration;

use redstart_connection::names;

use crate::{Query, Selector, Severity, Unit, metrics_table as sampled};

/// A question to the metrics, and which answers wake somebody.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Alert {
    /// Identifies it: `memory`.
    pub name: String,
    /// What is wrong, as a sentence without its end.
    pub problem: String,
    /// What to do.
    pub remedy: String,
    /// What the answer counts.
    pub unit: Unit,
    /// What is asked.
    pub query: Query,
    /// How far back the question looks.
    pub window: Duration,
    /// Whether every process of a service sees the same, so that Prometheus tells it once per service.
    pub is_shared: bool,
    /// Whether answers below the bounds are wrong, rather than those above.
    pub is_floor: bool,
    /// The bounds, the mildest first.
    pub bounds: Vec<Bound>,
}

/// A bound on the answer to an alert's question.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Bound {
    /// How bad it is to be beyond it.
    pub severity: Severity,
    /// Answers beyond it are wrong.
    pub threshold: f64,
    /// Answers up to this one are right again; in between, all stays as it is.
    pub clears_at: f64,
    /// For how long it must be wrong.
    pub hold: Duration,
}

/// The alerts that are judged.
///
/// The default is the table of the reference page; every line of it can be changed or left out.
///
/// ```
/// use std::time::Duration;
/// use redstart_monitor::{Alert, AlertTable, Severity};
///
/// let table = AlertTable::default()
///     .without("rejections")
///     .with(Alert::cache_hit_rate("postcodes", 0.80))
///     .bounded("memory", Severity::Warning, |bound| {
///         bound.threshold = 0.70;
///         bound.hold = Duration::from_secs(300);
///     });
/// assert!(table.get("rejections").is_none() && table.get("hit-rate-postcodes").is_some());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AlertTable(Vec<Alert>);

impl AlertTable {
    /// No alerts, to begin a table of your own.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    /// Adds an alert, in the place of one of the same name if there is one.
    #[must_use]
    pub fn with(mut self, alert: Alert) -> Self {
        match self.0.iter_mut().find(|known| known.name == alert.name) {
            Some(known) => *known = alert,
            None => self.0.push(alert),
        }
        self
    }

    /// Leaves an alert out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|alert| alert.name != name);
        self
    }

    /// Changes a bound of an alert; without that alert or a bound of that severity, nothing.
    #[must_use]
    pub fn bounded(mut self, name: &str, severity: Severity, change: impl FnOnce(&mut Bound)) -> Self {
        let alert = self.0.iter_mut().find(|alert| alert.name == name);
        let bound = alert.and_then(|alert| alert.bounds.iter_mut().find(|bound| bound.severity == severity));
        if let Some(bound) = bound {
            change(bound);
        }
        self
    }

    /// The alert of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Alert> {
        self.iter().find(|alert| alert.name == name)
    }

    /// All of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Alert> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a AlertTable {
    type Item = &'a Alert;
    type IntoIter = std::slice::Iter<'a, Alert>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Alert {
    /// An alert of your own on answers above its bounds, without any bound yet.
    #[must_use]
    pub fn new(name: &str, problem: &str, unit: Unit, query: Query) -> Self {
        Self {
            name: name.to_owned(),
            problem: problem.to_owned(),
            remedy: String::new(),
            unit,
            query,
            window: MINUTES_5,
            is_shared: false,
            is_floor: false,
            bounds: Vec::new(),
        }
    }

    /// Warns when a cache finds fewer of its values than `target`, over 15 minutes with 100 reads or more.
    #[must_use]
    pub fn cache_hit_rate(cache: &str, target: f64) -> Self {
        let reads = Selector::of(names::CACHE_READS).with("cache", &[cache]);
        let query = Query::Share { of: reads.clone().with("result", &["hit"]), all: reads, least: 100 };
        Self::new(
            &format!("hit-rate-{cache}"),
            &format!("the cache {cache} misses often"),
            Unit::Ratio,
            query,
        )
        .remedy("See whether its TTL is short, its values are evicted, or much is invalidated at once.")
        .looking_back(Duration::from_secs(900))
        .below()
        .warning(target, target + 0.02, MINUTES_5)
    }

    /// What to do then.
    #[must_use]
    pub fn remedy(mut self, remedy: &str) -> Self {
        remedy.clone_into(&mut self.remedy);
        self
    }

    /// How far back the question looks. Defaults to 5 minutes.
    #[must_use]
    pub const fn looking_back(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Every process of a service sees the same.
    #[must_use]
    pub const fn shared(mut self) -> Self {
        self.is_shared = true;
        self
    }

    /// Answers below the bounds are wrong.
    #[must_use]
    pub const fn below(mut self) -> Self {
        self.is_floor = true;
        self
    }

    /// Warns when the answer has been beyond `threshold` for `hold`, until it is back at `clears_at`.
    #[must_use]
    pub fn warning(self, threshold: f64, clears_at: f64, hold: Duration) -> Self {
        self.bound(Bound { severity: Severity::Warning, threshold, clears_at, hold })
    }

    /// As [`Alert::warning`], for what can't wait.
    #[must_use]
    pub fn critical(self, threshold: f64, clears_at: f64, hold: Duration) -> Self {
        self.bound(Bound { severity: Severity::Critical, threshold, clears_at, hold })
    }

    fn bound(mut self, bound: Bound) -> Self {
        self.bounds.push(bound);
        self
    }

    /// Whether `value` is beyond `limit`.
    pub(super) fn is_beyond(&self, value: f64, limit: f64) -> bool {
        if self.is_floor { value < limit } else { value > limit }
    }
}

const AT_ONCE: Duration = Duration::ZERO;
const MINUTES_1: Duration = Duration::from_secs(60);
const MINUTES_2: Duration = Duration::from_secs(120);
const MINUTES_5: Duration = Duration::from_secs(300);
const MINUTES_10: Duration = Duration::from_secs(600);

impl Default for AlertTable {
    fn default() -> Self {
        let of = Selector::of;
        let operations = || of(names::OPERATION_SECONDS);
        let operations_count = || of(&format!("{}_count", names::OPERATION_SECONDS));
        let failed = ["unavailable", "timeout", "overloaded", "connection", "error"];
        let hits = of(sampled::KEYSPACE_HITS);
        let decisions = || of(names::LIMIT_DECISIONS);
        Self(vec![
            Alert::new("failover", "Redis has not answered for 30 seconds", Unit::Truth, Query::Least(of(sampled::UP)))
                .remedy("See whether a failover hangs: ask the sentinels or the cluster who is primary, and look at the server's log.")
                .below()
                .critical(1.0, 1.0, Duration::from_secs(30)),
            Alert::new("breaker", "the breaker is open: calls are refused before they are sent", Unit::Truth, Query::Largest(of(sampled::BREAKER_STATE)))
                .remedy("Look at the errors before it opened; it closes by itself when the server answers again.")
                .critical(1.0, 0.0, Duration::from_secs(30)),
            Alert::new("standby", "this process's memory answers in the place of Redis", Unit::Count, Query::Largest(of(names::STANDBY_ACTIVE)))
                .remedy("Bring the server back; until then limits are counted by each process and caches are not shared.")
                .warning(0.0, 0.0, MINUTES_1),
            Alert::new("limiter-errors", "rate limits are decided by their outage rule, without counting", Unit::Count, Query::Increase(of(names::LIMITER_ERRORS)))
                .remedy("Bring the server back, or give these policies a share that each process counts in memory.")
                .looking_back(MINUTES_2)
                .critical(0.0, 0.0, MINUTES_5),
            Alert::new(
                "limiter-fallback",
                "rate limits are counted by each process for itself",
                Unit::Count,
                Query::Increase(decisions().with("source", &["standby", "overflow"])),
            )
            .remedy("Bring the server back; each process admits its share of the limit meanwhile.")
            .looking_back(MINUTES_2)
            .warning(0.0, 0.0, MINUTES_1),
            Alert::new("memory", "the server's memory is close to its bound", Unit::Ratio, Query::Quotient(of(sampled::MEMORY_USAGE), of(sampled::MEMORY_MAX)))
                .remedy("Raise maxmemory, shorten TTLs, or look for big keys and keys without a TTL.")
                .shared()
                .warning(0.80, 0.78, MINUTES_1)
                .critical(0.85, 0.83, MINUTES_1),
            Alert::new(
                "hit-rate",
                "few reads of the server find their key",
                Unit::Ratio,
                Query::Share { of: hits.clone(), all: hits.or(sampled::KEYSPACE_MISSES), least: 1_000 },
            )
            .remedy("Warm the caches, lengthen TTLs, and see whether keys are evicted or invalidated too often.")
            .shared()
            .below()
            .warning(0.90, 0.91, MINUTES_5)
            .critical(0.70, 0.72, MINUTES_5),
            Alert::new("latency-p99", "one operation in a hundred takes long", Unit::Seconds, Query::Quantile(0.99, operations()))
                .remedy("Look for slow commands in the slow log, for swapping on the server, and at the network between.")
                .warning(0.010, 0.009, MINUTES_2)
                .critical(0.100, 0.090, MINUTES_2),
            Alert::new("latency-p95", "one operation in twenty takes long", Unit::Seconds, Query::Quantile(0.95, operations()))
                .remedy("Look at the server's load and at the network between; the slow log names slow commands.")
                .warning(0.010, 0.009, MINUTES_10),
            Alert::new(
                "errors",
                "operations fail",
                Unit::Ratio,
                Query::Share { of: operations_count().with("outcome", &failed), all: operations_count(), least: 100 },
            )
            .remedy("The outcome of the metric says how they fail: no connection, no answer in time, or an error of the server.")
            .warning(0.01, 0.008, MINUTES_1),
            Alert::new("connection-errors", "connections to Redis break", Unit::Count, Query::PerMinute(of(names::CONNECTIONS_LOST)))
                .remedy("The reason of the metric says how: look for restarts, idle time-outs, proxies, client limits.")
                .warning(5.0, 4.0, AT_ONCE),
            Alert::new("pool", "the connection is close to its capacity", Unit::Ratio, Query::Largest(of(sampled::POOL_UTILIZATION)))
                .remedy("Raise REDIS_POOL_SIZE or the number of lanes, and look for slow or blocking commands.")
                .warning(0.85, 0.80, MINUTES_5),
            Alert::new(
                "rejections",
                "many requests are refused by a rate limit",
                Unit::Ratio,
                Query::Share { of: decisions().with("verdict", &["refused"]), all: decisions(), least: 100 },
            )
            .remedy("See which policy and endpoint refuse: an attack, a client without manners, or a limit that is too low.")
            .warning(0.05, 0.04, MINUTES_5),
            Alert::new("lock-losses", "locks are lost while they are held", Unit::Count, Query::Increase(of(names::LOCK_LOSSES)))
                .remedy("The cause of the metric says how; check noeviction, the length of leases, and pauses of the process.")
                .warning(0.0, 0.0, AT_ONCE),
            Alert::new("health", "the health of Redis is bad", Unit::Count, Query::Least(of(sampled::HEALTH_SCORE)))
                .remedy("GET /api/health/redis names what is wrong and what to do about it.")
                .below()
                .critical(60.0, 65.0, MINUTES_2),
        ])
    }
}
