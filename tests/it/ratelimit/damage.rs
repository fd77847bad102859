//! The model finds a script in which a single sign is wrong.

use std::collections::BTreeSet;

use redstart_testkit::{Raw, RedisServer, Reply, fresh_prefix};

use super::model::{Kind, Model, Step, Told};

const LIMITERS: &str = include_str!("../../../crates/ratelimit/src/operations/limiters.lua");
const WINDOW: &str = include_str!("../../../crates/ratelimit/src/operations/window.lua");
const FIXED: &str = include_str!("../../../crates/ratelimit/src/operations/fixed.lua");
const BURST: &str = include_str!("../../../crates/ratelimit/src/operations/burst.lua");
const BUCKET: &str = include_str!("../../../crates/ratelimit/src/operations/bucket.lua");

pub(super) const SECOND: u64 = 1_000_000;
pub(super) const START: u64 = 1_700_000_000 * SECOND;

const KINDS: [Kind; 5] = [
    Kind::Window { limit: 5, period: 10 * SECOND, grain: 1 },
    Kind::Window { limit: 200, period: 32 * SECOND, grain: SECOND / 2 },
    Kind::Burst { size: 4, interval: 1_428_572 },
    Kind::Fixed { limit: 4, period: 10 * SECOND },
    Kind::Bucket { size: 7, refill: 3, period: 4 * SECOND },
];

/// Numbers that are the same in each run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A script, and how it is asked.
#[derive(Clone, Copy)]
struct Script<'a> {
    source: &'a str,
    ask: fn(&mut Raw, &str, &str, Kind, Step, u64) -> Option<Told>,
    at_server_time: fn(&mut Raw, &str, &str) -> Option<Vec<i64>>,
    kinds: &'a [Kind],
    has_all_steps: bool,
}

/// The same after a change: half as much.
fn halved(kind: Kind) -> Kind {
    match kind {
        Kind::Window { limit, period, grain } => Kind::Window { limit: limit / 2, period, grain },
        Kind::Burst { size, interval } => Kind::Burst { size: size / 2, interval },
        Kind::Fixed { limit, period } => Kind::Fixed { limit: limit / 2, period },
        Kind::Bucket { size, refill, period } => Kind::Bucket { size: size / 2, refill, period },
    }
}

/// The server's time, in microseconds.
pub(super) fn time(raw: &mut Raw) -> i64 {
    let parts: Vec<i64> =
        raw.command(&["TIME"]).array().into_iter().map(|part| part.text().parse().unwrap()).collect();
    parts[0] * 1_000_000 + parts[1]
}

/// Whether the script takes another time than the server's.
fn takes_another_time(script: Script<'_>, raw: &mut Raw) -> bool {
    let name = format!("{}:{{time}}", fresh_prefix());
    let before = time(raw);
    let numbers = (script.at_server_time)(raw, script.source, &name);
    let after = time(raw);
    raw.delete_keys(&name);
    !numbers.is_some_and(|numbers| numbers.iter().any(|number| (before..=after).contains(number)))
}

/// Plays histories until the script and the model differ; answers whether they do.
fn differs(script: Script<'_>, raw: &mut Raw) -> bool {
    if takes_another_time(script, raw) {
        return true;
    }
    (0..48).any(|seed| {
        script.kinds.iter().any(|&whole| {
            let mut kind = whole;
            let (mut dice, mut model, mut now) = (Dice(seed), Model::default(), START);
            let (name, mut charged) = (format!("{}:{{damage}}", fresh_prefix()), Vec::new());
            let differs = (0..60).any(|_| {
                match dice.below(20) {
                    0 => now -= dice.below(20 * SECOND),
                    1 => now += dice.below(60 * SECOND),
                    2..8 => now += dice.below(4 * SECOND),
                    8 => kind = if kind == whole { halved(whole) } else { whole },
                    _ => {}
                }
                let (kind, step) = next_step(&mut dice, kind, script.has_all_steps, &mut charged);
                let expected = model.step((0, 0), kind, step, now);
                let told = (script.ask)(raw, script.source, &name, kind, step, now);
                if 0 < expected.3 {
                    let used = capacity(kind).saturating_sub(expected.0);
                    charged.push((kind, Step::Refund { cost: expected.3, until: now + expected.1, used }));
                }
                told != Some(expected)
            });
            raw.delete_keys(&name);
            differs
        })
    })
}

fn next_step(
    dice: &mut Dice,
    kind: Kind,
    has_all_steps: bool,
    charged: &mut Vec<(Kind, Step)>,
) -> (Kind, Step) {
    let most = if capacity(kind) > 50 { 90 } else { capacity(kind).min(4) };
    let cost = 1 + dice.below(most);
    let step = match dice.below(12) {
        _ if !has_all_steps => Step::Take(cost),
        0 => Step::Block(dice.below(6 * SECOND)),
        1 | 2 => Step::TakeSome(cost),
        3 | 4 if !charged.is_empty() => {
            let last = u64::try_from(charged.len()).unwrap();
            return charged.swap_remove(usize::try_from(dice.below(last)).unwrap());
        }
        _ => Step::Take(cost),
    };
    (kind, step)
}

fn capacity(kind: Kind) -> u64 {
    match kind {
        Kind::Window { limit, .. } | Kind::Fixed { limit, .. } => limit,
        Kind::Burst { size, .. } | Kind::Bucket { size, .. } => size,
    }
}

pub(super) fn eval(raw: &mut Raw, source: &str, name: &str, arguments: &[String]) -> Option<Vec<i64>> {
    let mut command = vec!["EVAL".to_owned(), source.to_owned(), "1".to_owned(), name.to_owned()];
    command.extend_from_slice(arguments);
    match raw.try_command(&command).ok()? {
        Reply::Array(numbers) => numbers
            .into_iter()
            .map(|number| if let Reply::Int(number) = number { Some(number) } else { None })
            .collect(),
        Reply::Bytes(packed) => {
            let (numbers, rest) = packed.as_chunks();
            rest.is_empty().then(|| numbers.iter().copied().map(i64::from_be_bytes).collect())
        }
        _ => None,
    }
}

fn limiters(raw: &mut Raw, source: &str, name: &str, kind: Kind, step: Step, now: u64) -> Option<Told> {
    // In turn with the quick scripts, whose keys it must read; they leave a blocked limiter to it.
    if now.is_multiple_of(2)
        && let Some(told) = quick(raw, name, kind, step, now)
    {
        return Some(told);
    }
    let (kind, size, period, grain) = match kind {
        Kind::Window { limit, period, grain } => ("w", limit, period, grain),
        Kind::Burst { size, interval } => ("g", size, interval, 0),
        Kind::Fixed { limit, period } => ("f", limit, period, 0),
        Kind::Bucket { size, refill, period } => ("b", size, period, refill),
    };
    let (verb, amount, until, used) = match step {
        Step::Take(cost) | Step::Peek(cost) => ("take", cost, 0, 0),
        Step::TakeSome(cost) => ("some", cost, 0, 0),
        Step::Refund { cost, until, used } => ("refund", cost, until, used),
        Step::Block(length) => ("block", length, 0, 0),
    };
    let mut arguments = vec![now.to_string(), "3600000".to_owned(), verb.to_owned(), kind.to_owned()];
    arguments.extend([size, period, grain, amount, until, used].map(|number| number.to_string()));
    let numbers = eval(raw, source, name, &arguments)?;
    let [at, remaining, reset, wait, charged] = <[i64; 5]>::try_from(numbers).ok()?;
    (u64::try_from(at) == Ok(now)).then_some(())?;
    let [remaining, reset, wait, charged] =
        [remaining, reset, wait, charged].map(|number| u64::try_from(number).unwrap_or(u64::MAX));
    Some((remaining, reset, wait, charged))
}

fn quick(raw: &mut Raw, name: &str, kind: Kind, step: Step, now: u64) -> Option<Told> {
    match kind {
        Kind::Window { .. } => window(raw, WINDOW, name, kind, step, now),
        Kind::Burst { .. } => burst(raw, BURST, name, kind, step, now),
        Kind::Fixed { .. } => fixed(raw, FIXED, name, kind, step, now),
        Kind::Bucket { .. } => bucket(raw, BUCKET, name, kind, step, now),
    }
}

fn window(raw: &mut Raw, source: &str, name: &str, kind: Kind, step: Step, now: u64) -> Option<Told> {
    let Kind::Window { limit, period, grain } = kind else { return None };
    charged(raw, source, name, step, now, &[limit, period, grain])
}

fn fixed(raw: &mut Raw, source: &str, name: &str, kind: Kind, step: Step, now: u64) -> Option<Told> {
    let Kind::Fixed { limit, period } = kind else { return None };
    charged(raw, source, name, step, now, &[limit, period])
}

fn bucket(raw: &mut Raw, source: &str, name: &str, kind: Kind, step: Step, now: u64) -> Option<Told> {
    let Kind::Bucket { size, refill, period } = kind else { return None };
    charged(raw, source, name, step, now, &[size, refill, period])
}

/// Asks a script that is told its rule, and answers what is left, when nothing is in use, and the wait.
fn charged(raw: &mut Raw, source: &str, name: &str, step: Step, now: u64, rule: &[u64]) -> Option<Told> {
    let Step::Take(cost) = step else { return None };
    let arguments = [&[now], rule, &[cost, 3_600_000]].concat();
    let arguments: Vec<String> = arguments.iter().map(u64::to_string).collect();
    let [remaining, reset, wait, _] = <[i64; 4]>::try_from(eval(raw, source, name, &arguments)?).ok()?;
    let [remaining, reset, wait] =
        [remaining, reset, wait].map(|number| u64::try_from(number).unwrap_or(u64::MAX));
    Some((remaining, reset, wait, if wait == 0 { cost } else { 0 }))
}

fn burst(raw: &mut Raw, source: &str, name: &str, kind: Kind, step: Step, now: u64) -> Option<Told> {
    let (Kind::Burst { size, interval }, Step::Take(cost)) = (kind, step) else { return None };
    let (span, charge) = (size * interval, cost * interval);
    let arguments = [now, span, charge, 3_600_000].map(|number| number.to_string());
    let [ahead, _] = <[i64; 2]>::try_from(eval(raw, source, name, &arguments)?).ok()?;
    Some(match u64::try_from(ahead) {
        Ok(ahead) => (span.checked_sub(ahead)? / interval, ahead, 0, cost),
        Err(_) => {
            let ahead_of_now = (span + ahead.unsigned_abs()).checked_sub(charge)?;
            (span.checked_sub(ahead_of_now)? / interval, ahead_of_now, ahead.unsigned_abs(), 0)
        }
    })
}

/// Every copy of the code in which one sign is another: a comparison, a sum, a number.
pub(super) fn damaged(source: &str) -> impl Iterator<Item = (usize, String)> {
    let sums = [('+', '-'), ('-', '+'), ('*', '+'), ('/', '*'), ('%', '*')];
    let swaps = [[('<', '>'), ('>', '<'), ('0', '1'), ('1', '2'), ('8', '4')], sums].concat();
    // Damaged, these would run for ever, which a test finds only by its time.
    let endless = ["while", "middle", "entries[1]"];
    let is_code =
        |line: &str| !line.trim_start().starts_with("--") && !endless.iter().any(|part| line.contains(part));
    let mut lines_before = 0;
    let code: BTreeSet<usize> = source
        .split_inclusive('\n')
        .flat_map(|line| {
            let start = lines_before;
            lines_before += line.len();
            let length = if is_code(line) { line.len() } else { 0 };
            start..start + length
        })
        .collect();
    source.char_indices().filter_map(move |(at, sign)| {
        let (_, other) = swaps.iter().find(|(from, _)| *from == sign && code.contains(&at))?;
        let mut copy = source.to_owned();
        copy.replace_range(at..at + 1, &other.to_string());
        Some((at, copy))
    })
}

/// Tells of each damage that the model did not find in which line it is.
fn unfound(script: Script<'_>, raw: &mut Raw) -> (usize, Vec<String>) {
    assert!(!differs(script, raw), "the script as it is differs from the model");
    let mut count = 0;
    let missed = damaged(script.source).filter_map(|(at, copy)| {
        count += 1;
        let line = script.source[..at].lines().count();
        let found = differs(Script { source: &copy, ..script }, raw);
        (!found).then(|| format!("line {line}: {}", copy.lines().nth(line - 1).unwrap_or_default().trim()))
    });
    let missed = missed.collect();
    (count, missed)
}

fn check(script: Script<'_>, harmless: &[&str]) {
    // A server of its own, for who knows what a damaged script does.
    let server = RedisServer::start();
    let (count, missed) = unfound(script, &mut server.raw());
    assert!(count > 10, "{count} places to damage");
    let missed: Vec<_> =
        missed.into_iter().filter(|line| !harmless.iter().any(|known| line.contains(known))).collect();
    assert!(missed.is_empty(), "not found, of {count}:\n{}", missed.join("\n"));
}

/// The arguments of a script, the first of them nothing: the server's own time.
fn arguments(text: &str) -> Vec<String> {
    std::iter::once(String::new()).chain(text.split_whitespace().map(str::to_owned)).collect()
}

#[test]
fn damaged_window_is_found() {
    let at_server_time = |raw: &mut Raw, source: &str, name: &str| {
        eval(raw, source, name, &arguments("  5 9000000 1 1 60000"))
    };
    let script =
        Script { source: WINDOW, ask: window, at_server_time, kinds: &KINDS[..2], has_all_steps: false };
    // A TTL that is a little longer; a key that is written anew earlier or later than it might be; numbers
    // that stand for nothing; a blocked limiter, which the histories of this script have none of.
    let harmless =
        ["local ttl", "math.floor(newest ", "local first, base", "local last", "local live", "grain > 2"];
    check(script, &[&harmless[..], &["return false end"]].concat());
}

#[test]
fn damaged_fixed_window_is_found() {
    let at_server_time =
        |raw: &mut Raw, source: &str, name: &str| eval(raw, source, name, &arguments("  5 9000000 1 60000"));
    let script =
        Script { source: FIXED, ask: fixed, at_server_time, kinds: &KINDS[3..4], has_all_steps: false };
    check(script, &["local ttl", "return false end", "ends - now or 1"]);
}

#[test]
fn damaged_bucket_is_found() {
    let at_server_time = |raw: &mut Raw, source: &str, name: &str| {
        eval(raw, source, name, &arguments("  5 1 9000000 1 60000"))
    };
    let script =
        Script { source: BUCKET, ask: bucket, at_server_time, kinds: &KINDS[4..5], has_all_steps: false };
    check(script, &["local ttl", "math.floor(full(missing)", "return false end"]);
}

#[test]
fn damaged_burst_is_found() {
    let at_server_time = |raw: &mut Raw, source: &str, name: &str| {
        eval(raw, source, name, &arguments("  9000000 1000000 60000"))
    };
    let script =
        Script { source: BURST, ask: burst, at_server_time, kinds: &KINDS[2..3], has_all_steps: false };
    check(script, &["local ttl", "math.floor(stored ", "return false end"]);
}

#[test]
fn damaged_limiters_are_found() {
    let at_server_time = |raw: &mut Raw, source: &str, name: &str| {
        eval(raw, source, name, &arguments("  60000 take f 5 9000000 0 1 0 0"))
    };
    let script =
        Script { source: LIMITERS, ask: limiters, at_server_time, kinds: &KINDS, has_all_steps: true };
    let harmless = [
        "local ttl",
        "grain > 2",
        "or 1",
        "(#log + 5) / 12",
        "newest()[2] == stamp",
        "struct.pack('<I4', 0)",
        "period - now, 1)",
        "used - back, 1)",
        "till, length, moved = now, 1",
    ];
    check(script, &harmless);
}
