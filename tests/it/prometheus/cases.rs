//! What the rules must make of a story: every bound fires in one and is silent in another.

use std::fmt::Write as _;

/// A story, and whether a rule fires at a moment of it.
pub(super) struct Case {
    pub(super) alert: &'static str,
    pub(super) severity: &'static str,
    pub(super) fires: bool,
    /// The moment.
    at: &'static str,
    /// The series with their values, fifteen seconds apart, in the notation of promtool.
    story: &'static [(&'static str, &'static str)],
}

const fn fires(alert: &'static str, severity: &'static str, at: &'static str, story: Story) -> Case {
    Case { alert, severity, fires: true, at, story }
}

const fn silent(alert: &'static str, severity: &'static str, at: &'static str, story: Story) -> Case {
    Case { alert, severity, fires: false, at, story }
}

type Story = &'static [(&'static str, &'static str)];

const W: &str = "warning";
const C: &str = "critical";

/// 82 of 100 for five minutes, then 79, then 70.
const MEMORY: Story = &[("redis_memory_usage", "82x20 79x20 70x40"), ("redis_memory_max", "100x80")];
const HITS_60: Story =
    &[("redis_keyspace_hits_total", "0+60x80"), ("redis_keyspace_misses_total", "0+40x80")];
const HITS_80: Story =
    &[("redis_keyspace_hits_total", "0+80x80"), ("redis_keyspace_misses_total", "0+20x80")];
const HITS_95: Story = &[("redis_keyspace_hits_total", "0+95x80"), ("redis_keyspace_misses_total", "0+5x80")];
/// Few reads say nothing, however they end.
const HITS_FEW: Story = &[("redis_keyspace_hits_total", "0+1x80"), ("redis_keyspace_misses_total", "0+9x80")];
const FAST: Story = &[
    (r#"db_client_operation_duration_seconds_bucket{le="0.005"}"#, "0+100x80"),
    (r#"db_client_operation_duration_seconds_bucket{le="0.025"}"#, "0+100x80"),
    (r#"db_client_operation_duration_seconds_bucket{le="0.25"}"#, "0+100x80"),
    (r#"db_client_operation_duration_seconds_bucket{le="+Inf"}"#, "0+100x80"),
];
const SLOW: Story = &[
    (r#"db_client_operation_duration_seconds_bucket{le="0.005"}"#, "0+50x80"),
    (r#"db_client_operation_duration_seconds_bucket{le="0.025"}"#, "0+100x80"),
    (r#"db_client_operation_duration_seconds_bucket{le="0.25"}"#, "0+100x80"),
    (r#"db_client_operation_duration_seconds_bucket{le="+Inf"}"#, "0+100x80"),
];
const VERY_SLOW: Story = &[
    (r#"db_client_operation_duration_seconds_bucket{le="0.005"}"#, "0+50x80"),
    (r#"db_client_operation_duration_seconds_bucket{le="0.025"}"#, "0+90x80"),
    (r#"db_client_operation_duration_seconds_bucket{le="0.25"}"#, "0+100x80"),
    (r#"db_client_operation_duration_seconds_bucket{le="+Inf"}"#, "0+100x80"),
];

pub(super) const CASES: &[Case] = &[
    silent("memory", W, "30s", MEMORY),
    fires("memory", W, "3m", MEMORY),
    // Between the bounds it goes on; below both it is over, a minute later.
    fires("memory", W, "9m", MEMORY),
    silent("memory", W, "13m", MEMORY),
    silent("memory", C, "3m", MEMORY),
    fires("memory", C, "3m", &[("redis_memory_usage", "86x40"), ("redis_memory_max", "100x40")]),
    // Without a bound no share of it is used.
    silent("memory", C, "3m", &[("redis_memory_usage", "86x40"), ("redis_memory_max", "0x40")]),
    fires("hit-rate", W, "11m", HITS_80),
    silent("hit-rate", W, "11m", HITS_95),
    silent("hit-rate", W, "11m", HITS_FEW),
    fires("hit-rate", C, "11m", HITS_60),
    silent("hit-rate", C, "11m", HITS_80),
    fires("failover", C, "2m", &[("redis_up", "1x2 0x30")]),
    // Away for twenty seconds, as in a failover that went well.
    silent("failover", C, "2m", &[("redis_up", "1x4 0x1 1x30")]),
    fires("breaker", C, "1m", &[("redstart_breaker_state", "2x30")]),
    silent("breaker", C, "1m", &[("redstart_breaker_state", "1x30")]),
    fires("standby", W, "2m", &[("redstart_standby_active", "1x30")]),
    silent("standby", W, "2m", &[("redstart_standby_active", "0x30")]),
    fires("limiter-errors", C, "9m", &[(r#"limiter_redis_errors{policy="api"}"#, "0+1x60")]),
    // A short outage long ago.
    silent("limiter-errors", C, "9m", &[(r#"limiter_redis_errors{policy="api"}"#, "0+5x2 10x60")]),
    fires(
        "limiter-fallback",
        W,
        "4m",
        &[(r#"redstart_ratelimit_decisions_total{source="standby"}"#, "0+1x60")],
    ),
    silent(
        "limiter-fallback",
        W,
        "4m",
        &[(r#"redstart_ratelimit_decisions_total{source="redis"}"#, "0+1x60")],
    ),
    fires("latency-p99", W, "8m", SLOW),
    silent("latency-p99", W, "8m", FAST),
    fires("latency-p99", C, "8m", VERY_SLOW),
    silent("latency-p99", C, "8m", SLOW),
    fires("latency-p95", W, "16m", SLOW),
    silent("latency-p95", W, "9m", SLOW),
    silent("latency-p95", W, "16m", FAST),
    fires(
        "errors",
        W,
        "5m",
        &[
            (r#"db_client_operation_duration_seconds_count{outcome="timeout"}"#, "0+2x60"),
            (r#"db_client_operation_duration_seconds_count{outcome="hit"}"#, "0+98x60"),
        ],
    ),
    // What is refused or missed is an answer, and no error.
    silent(
        "errors",
        W,
        "5m",
        &[
            (r#"db_client_operation_duration_seconds_count{outcome="refused"}"#, "0+50x60"),
            (r#"db_client_operation_duration_seconds_count{outcome="hit"}"#, "0+50x60"),
        ],
    ),
    fires("connection-errors", W, "3m", &[(r#"redstart_connections_lost_total{reason="reset"}"#, "0+3x60")]),
    silent("connection-errors", W, "3m", &[(r#"redstart_connections_lost_total{reason="reset"}"#, "0+1x60")]),
    fires("pool", W, "6m", &[("redis_pool_utilization", "0.9x60")]),
    silent("pool", W, "6m", &[("redis_pool_utilization", "0.9x10 0.5x60")]),
    fires(
        "rejections",
        W,
        "8m",
        &[
            (r#"redstart_ratelimit_decisions_total{verdict="refused"}"#, "0+10x60"),
            (r#"redstart_ratelimit_decisions_total{verdict="allowed"}"#, "0+90x60"),
        ],
    ),
    silent(
        "rejections",
        W,
        "8m",
        &[
            (r#"redstart_ratelimit_decisions_total{verdict="refused"}"#, "0+1x60"),
            (r#"redstart_ratelimit_decisions_total{verdict="allowed"}"#, "0+99x60"),
        ],
    ),
    // Counters that are new show their first count at once, and no growth.
    fires("lock-losses", W, "2m", &[(r#"redstart_lock_losses_total{cause="expired"}"#, "_x4 1x40")]),
    silent("lock-losses", W, "12m", &[(r#"redstart_lock_losses_total{cause="expired"}"#, "1x60")]),
    fires("health", C, "3m", &[("redstart_health_score", "40x40")]),
    silent("health", C, "3m", &[("redstart_health_score", "85x40")]),
];

/// The file that promtool reads.
pub(super) fn file(rules: &str, cases: &[Case]) -> String {
    let mut file = format!("rule_files: [{rules}]\nevaluation_interval: 15s\ntests:\n");
    for Case { alert, severity, fires, at, story } in cases {
        let name: String = alert.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        writeln!(file, "  - interval: 15s\n    name: {alert} {severity} {at} {fires}\n    input_series:")
            .unwrap();
        for (series, values) in *story {
            let (metric, labels) = series.split_once('{').unwrap_or((series, "}"));
            let series = format!("{metric}{{job=\"shop\",instance=\"a\",{labels}");
            writeln!(file, "      - {{series: '{}', values: '{values}'}}", series.replace(",}", "}"))
                .unwrap();
        }
        let expected = if *fires { "[{labels: '{}', value: 1}]" } else { "[]" };
        writeln!(
            file,
            "    promql_expr_test:\n      - expr: count(ALERTS{{alertname=\"Redstart{name}\",severity=\"{severity}\",alertstate=\"firing\"}})\n        eval_time: {at}\n        exp_samples: {expected}"
        )
        .unwrap();
    }
    file
}
