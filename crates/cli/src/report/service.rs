//! A report of a running service, from its metrics.

use std::time::Duration;

use redstart_connection::{Clock, names};
use redstart_monitor::{AlertTable, HttpFailure, Reading, Selector};

use super::{Direction, Figure, Finding, Report};
use crate::{Console, Exit, Failure, load::Measure};

/// How often its metrics are read.
const READ_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn report(address: &str, lasts: Duration, console: &Console) -> Result<Report, Failure> {
    let failed = |failure: HttpFailure| {
        let exit = match failure {
            HttpFailure::Invalid(_) => Exit::Usage,
            _ => Exit::Unreachable,
        };
        Failure::new(exit, format!("--service: {failure}"))
            .with_remedy("name the address at which the service shows /metrics")
    };
    let mut reading = Reading::of(address, &AlertTable::default()).map_err(failed)?;
    let (clock, progress) = (Clock::system(), console.progress(None, "watching"));
    let begun = clock.instant();
    reading.read().await.map_err(failed)?;
    let mut pages = 1;
    while clock.instant().duration_since(begun) < lasts {
        progress.at(pages);
        tokio::time::sleep(READ_EVERY.min(lasts)).await;
        reading.read().await.map_err(failed)?;
        pages += 1;
    }
    let sum = |name: &str| reading.sum(&Selector::of(name));
    let mut report = Report {
        target: address.to_owned(),
        watched_seconds: reading.watched().as_secs_f64(),
        reachable: true,
        ..Report::default()
    };
    if let Some(score) = sum("redstart_health_score") {
        report.grade(whole(score));
    }
    report.figures = figures(&reading);
    report.find(reading.broken().iter().map(Finding::from).collect());
    Ok(report)
}

fn figures(reading: &Reading) -> Vec<Figure> {
    use Direction::{Less, More, Neither};
    let mut figures = Vec::new();
    let mut add = |group: &str, name: String, value: Option<f64>, unit, better| {
        figures.extend(value.map(|value| Figure::new(group, name, value, unit, better)));
    };
    let gauge = |name: &str| reading.sum(&Selector::of(name));
    let milliseconds = |seconds: f64| seconds * 1_000.0;
    let seconds = reading.watched().as_secs_f64();
    let rate = |of: &Selector| reading.grown(of).filter(|_| seconds > 0.0).map(|grown| grown / seconds);
    let quantile = |share, of: &str| reading.quantile(share, &Selector::of(of)).map(milliseconds);

    let ping = gauge("redstart_ping_seconds").map(milliseconds);
    add("connectivity", "ping".to_owned(), ping, Measure::Milliseconds, Less);
    add(
        "connectivity",
        "connections open".to_owned(),
        gauge("redstart_connections_open"),
        Measure::Count,
        Neither,
    );
    add("connectivity", "pool in use".to_owned(), gauge("redis_pool_utilization"), Measure::Share, Less);
    for (share, name) in [(0.5, "p50"), (0.95, "p95"), (0.99, "p99")] {
        let operations = quantile(share, names::OPERATION_SECONDS);
        add("latency", format!("operations {name}"), operations, Measure::Milliseconds, Less);
        let requests = quantile(share, names::HTTP_SECONDS);
        add("latency", format!("requests {name}"), requests, Measure::Milliseconds, Less);
    }
    let count = |name: &str| Selector::of(&format!("{name}_count"));
    add(
        "throughput",
        "operations".to_owned(),
        rate(&count(names::OPERATION_SECONDS)),
        Measure::PerSecond,
        Neither,
    );
    add("throughput", "requests".to_owned(), rate(&count(names::HTTP_SECONDS)), Measure::PerSecond, Neither);
    add("throughput", "retries".to_owned(), rate(&Selector::of(names::RETRIES)), Measure::PerSecond, Less);
    add(
        "throughput",
        "requests refused by limits".to_owned(),
        rate(&Selector::of(names::LIMIT_REJECTED)),
        Measure::PerSecond,
        Neither,
    );
    let used = gauge("redis_memory_usage");
    add("memory", "memory used".to_owned(), used, Measure::Bytes, Less);
    let limit = gauge("redis_memory_max").filter(|limit| *limit > 0.0);
    let share = used.zip(limit).map(|(used, limit)| used / limit);
    add("memory", "memory in use".to_owned(), share, Measure::Share, Less);
    add("memory", "fragmentation".to_owned(), gauge("redis_mem_fragmentation_ratio"), Measure::Count, Less);
    let hits = gauge("redis_keyspace_hits_total").zip(gauge("redis_keyspace_misses_total"));
    let server =
        hits.filter(|(hits, misses)| 0.0 < hits + misses).map(|(hits, misses)| hits / (hits + misses));
    add("hit rates", "hit rate of the server".to_owned(), server, Measure::Share, More);
    for cache in reading.labels(names::CACHE_READS, "cache") {
        add("hit rates", format!("hit rate of {cache}"), hit_rate(reading, &cache), Measure::Share, More);
    }
    figures
}

/// The hit rate of a cache lately; since the start of the service where nothing was read lately.
fn hit_rate(reading: &Reading, cache: &str) -> Option<f64> {
    let of = Selector::of(names::CACHE_READS).with("cache", &[cache]);
    let hits = of.clone().with("result", &["hit"]);
    let lately = reading.grown(&of).filter(|reads| *reads > 0.0);
    match lately {
        Some(reads) => Some(reading.grown(&hits).unwrap_or_default() / reads),
        None => {
            let reads = reading.sum(&of).filter(|reads| *reads > 0.0)?;
            Some(reading.sum(&hits).unwrap_or_default() / reads)
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a score is from 0 to 100")]
const fn whole(score: f64) -> u8 {
    score as u8
}
