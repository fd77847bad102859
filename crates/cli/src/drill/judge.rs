//! Go or no-go, and why.

use std::{sync::atomic::Ordering, time::Duration};

use serde::Serialize;

use super::{
    Args, Behind, Fault, Ordeal, Seen,
    record::Record,
    site::Site,
    workload::{Books, LIMIT, PERIOD},
};

/// What was acknowledged so shortly before a server was lost may be lost with it.
const UNREPLICATED: Duration = Duration::from_secs(1);

/// When what happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    pub(super) struck: Duration,
    /// From when on recovery counts.
    pub(super) since: Duration,
    pub(super) healed: Duration,
}

/// One thing that must hold.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Criterion {
    /// What must hold.
    pub name: &'static str,
    /// Whether it did.
    pub holds: bool,
    /// What was seen.
    pub evidence: String,
    /// What to do where it did not hold.
    pub advice: Option<&'static str>,
}

/// What was promised, counted.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Held {
    /// Calls that the limit let through.
    pub admitted: usize,
    /// Calls that it refused.
    pub refused: u64,
    /// The most that the server certainly let through within one period.
    pub most_by_server: usize,
    /// How many it may let through.
    pub allowed_by_server: usize,
    /// The most that certainly passed within one period, whoever counted.
    pub most_by_all: usize,
    /// How many may pass while processes count for themselves as well.
    pub allowed_by_all: usize,
    /// Refused by an outage rule, although nobody had counted.
    pub refused_unasked: u64,
    /// Allowed by an outage rule, although nobody had counted.
    pub allowed_unasked: u64,
    /// How often the lock was granted.
    pub grants: usize,
    /// How often it had two holders.
    pub two_holders: usize,
    /// How often a fence did not rise.
    pub falling_fences: usize,
    /// Reads that showed what had been replaced.
    pub stale_reads: usize,
}

impl Fault {
    /// Whether another server takes this one's place while it is away.
    pub(super) const fn loses_by_takeover(self, topology: Option<super::Topology>) -> bool {
        use super::Topology::{Cluster, Sentinel};
        matches!((self, topology), (Self::Kill | Self::Freeze, Some(Sentinel | Cluster)))
    }
}

/// Judges what the clients wrote down.
pub(super) fn judge(
    args: &Args,
    fault: Fault,
    site: &Site,
    books: &Books,
    moments: Moments,
    ended: Duration,
) -> Ordeal {
    let works = [
        ("cache reads", &books.reads),
        ("cache invalidations", &books.writes),
        ("limit", &books.limits),
        ("lock", &books.locks),
    ];
    let seen: Vec<_> = works.iter().map(|(work, record)| seen(work, record, moments)).collect();
    let loses = site.topology.map_or(fault == Fault::Manual, |topology| fault.loses(topology));
    let held = held(args, books, moments, loses);
    let mut criteria = vec![
        answered(args, &books.reads),
        limiter(&held),
        limit(&held),
        holders(&held, loses),
        fences(&held),
        stale(&held, loses),
    ];
    criteria.push(longest(args, &seen));
    criteria.push(recovered(args, &seen));
    let go = criteria.iter().all(|criterion| criterion.holds);
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Ordeal {
        fault,
        on: site.describe(),
        struck_ms: ms(moments.struck),
        healed_ms: ms(moments.healed),
        ended_ms: ms(ended),
        seen,
        held,
        criteria,
        go,
    }
}

fn seen(work: &'static str, record: &Record, moments: Moments) -> Seen {
    let Moments { struck, since, healed } = moments;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    Seen {
        work,
        calls: record.count(),
        fallbacks: record.fallbacks(),
        errors: record.errors(),
        longest_ms: ms(record.longest()),
        p99_before_ms: record.p99(Duration::ZERO, struck).map(ms),
        p99_during_ms: record.p99(struck, healed).map(ms),
        recovered_ms: record.recovered(struck, since).map(ms),
    }
}

fn held(args: &Args, books: &Books, moments: Moments, loses: bool) -> Held {
    let Books { gate, holders, source, .. } = books;
    let limit = LIMIT as usize;
    // While processes count for themselves, each has its share beside what the server has admitted.
    let processes = args.service.processes as usize;
    let shares = limit.div_ceil(processes) * processes;
    let before = moments.struck.saturating_sub(UNREPLICATED);
    // A server that took over may not have heard of the last that its predecessor let through.
    let lost = if loses { gate.by_server.between(before, moments.healed).min(limit) } else { 0 };
    let stale = match loses {
        true => source.stale_outside(before, Duration::MAX),
        false => source.stale(),
    };
    Held {
        admitted: gate.all.count(),
        refused: gate.refused.load(Ordering::SeqCst),
        most_by_server: gate.by_server.most_within(PERIOD),
        allowed_by_server: limit + lost,
        most_by_all: gate.all.most_within(PERIOD),
        allowed_by_all: limit + lost + shares,
        refused_unasked: gate.refused_unasked.load(Ordering::SeqCst),
        allowed_unasked: gate.allowed_unasked.load(Ordering::SeqCst),
        grants: holders.grants(),
        two_holders: holders.overlaps(),
        falling_fences: holders.falling_fences(),
        stale_reads: stale,
    }
}

fn answered(args: &Args, reads: &Record) -> Criterion {
    let failed: usize = reads.errors().values().sum();
    let advice = match args.service.cache {
        Behind::Alone => "read through `get_or_load`, whose loader answers while the server is away",
        Behind::Loader => "a loader failed: give it a deadline and something to answer without its database",
    };
    Criterion {
        name: "caches answer throughout",
        holds: failed == 0,
        evidence: format!("{failed} of {} reads failed", reads.count()),
        advice: Some(advice),
    }
}

fn limiter(held: &Held) -> Criterion {
    let Held { refused_unasked, allowed_unasked, .. } = *held;
    let (holds, evidence, advice) = match (refused_unasked, allowed_unasked) {
        (0, 0) => (true, "every decision was counted".to_owned(), None),
        (0, allowed) => (
            false,
            format!("{allowed} calls passed that nobody counted"),
            Some(
                "let processes count for themselves: OnOutage::Local (or accept it: OnOutage::Allow bounds nothing)",
            ),
        ),
        (refused, _) => (
            false,
            format!("{refused} calls were refused that nobody counted: the limiter fails closed"),
            Some(
                "let processes count for themselves: OnOutage::Local; keep OnOutage::Deny for logins and payments",
            ),
        ),
    };
    Criterion { name: "the limiter goes on", holds, evidence, advice }
}

fn limit(held: &Held) -> Criterion {
    let Held { most_by_server, allowed_by_server, most_by_all, allowed_by_all, allowed_unasked, .. } = *held;
    let is_bounded = most_by_all <= allowed_by_all || allowed_unasked > 0;
    Criterion {
        name: "no limit let more through than it may",
        holds: most_by_server <= allowed_by_server && is_bounded,
        evidence: format!(
            "within a second the server let {most_by_server} of {allowed_by_server} through, and {most_by_all} of \
             {allowed_by_all} passed with what processes counted alone"
        ),
        advice: Some("report it: this is promised on every server that keeps what it acknowledged"),
    }
}

fn holders(held: &Held, loses: bool) -> Criterion {
    let Held { grants, two_holders, .. } = *held;
    Criterion {
        name: "no lock had two holders",
        holds: two_holders == 0 || loses,
        evidence: match two_holders {
            0 => format!("{grants} grants, never two at once"),
            times => format!(
                "{times} times of {grants} grants: the server that took over had not heard of the first; fences tell"
            ),
        },
        advice: Some("report it: this is promised on every server that keeps what it acknowledged"),
    }
}

fn fences(held: &Held) -> Criterion {
    let Held { grants, falling_fences, .. } = *held;
    Criterion {
        name: "fences rise",
        holds: falling_fences == 0 && grants > 0,
        evidence: match grants {
            0 => "the lock was never granted".to_owned(),
            _ => format!("{falling_fences} of {grants} did not"),
        },
        advice: Some("check that the clocks of the servers agree (redstart doctor)"),
    }
}

fn stale(held: &Held, loses: bool) -> Criterion {
    let Held { stale_reads, .. } = *held;
    Criterion {
        name: "caches showed nothing that was replaced",
        holds: stale_reads == 0,
        evidence: format!(
            "{stale_reads} reads did{}",
            if loses { ", save of what was replaced just before the server was lost" } else { "" }
        ),
        advice: Some("report it: what was acknowledged is promised never to be shown again"),
    }
}

fn longest(args: &Args, seen: &[Seen]) -> Criterion {
    let longest = seen.iter().max_by(|one, other| one.longest_ms.total_cmp(&other.longest_ms));
    let (work, took) = longest.map_or(("", 0.0), |seen| (seen.work, seen.longest_ms));
    Criterion {
        name: "no call hangs",
        holds: took <= args.max_call.as_secs_f64() * 1e3,
        evidence: format!("the longest took {took:.0} ms ({work})"),
        advice: Some("lower REDIS_READ_TIMEOUT, and give loaders a deadline"),
    }
}

fn recovered(args: &Args, seen: &[Seen]) -> Criterion {
    let stuck: Vec<_> =
        seen.iter().filter(|seen| seen.recovered_ms.is_none()).map(|seen| seen.work).collect();
    let last = seen.iter().filter_map(|seen| seen.recovered_ms).fold(0.0, f64::max);
    let holds = stuck.is_empty() && last <= args.max_recovery.as_secs_f64() * 1e3;
    let evidence = match stuck.as_slice() {
        [] => format!("all was well after {:.1} s", last / 1e3),
        stuck => format!("not well again: {}", stuck.join(", ")),
    };
    let advice = "look at the sentinels' down-after-milliseconds, or the cluster's node timeout";
    Criterion { name: "all is well again", holds, evidence, advice: Some(advice) }
}
