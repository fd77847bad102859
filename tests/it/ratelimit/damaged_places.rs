//! A model of places finds their script, and the one that only reads, with a single sign wrong.

use std::collections::BTreeMap;

use redstart_testkit::{Raw, RedisServer, Reply, fresh_prefix};

use super::damage::{Dice, SECOND, START, damaged, eval, time};

const HOLD: &str = include_str!("../../../crates/ratelimit/src/operations/hold.lua");
const PEEK: &str = include_str!("../../../crates/ratelimit/src/operations/peek.lua");

/// For how many milliseconds a key outlives its meaning.
const KEEP: u64 = 3_600_000;

/// Who holds a place, and until when.
#[derive(Debug, Default)]
struct Model(BTreeMap<u64, u64>);

impl Model {
    /// Answers whether `token` has a place now, how many are left, and when the first of the others ends.
    fn step(&mut self, verb: &str, places: u64, lease: u64, token: u64, now: u64) -> [u64; 3] {
        // A clock that steps back gives nobody more than a lease.
        self.0.values_mut().for_each(|until| *until = (now + lease).min(*until));
        let holds =
            |holders: &BTreeMap<u64, u64>, token| holders.get(&token).is_some_and(|until| now < *until);
        let free = |holders: &BTreeMap<u64, u64>| {
            let used = holders.values().filter(|until| now < **until).count();
            places.saturating_sub(u64::try_from(used).unwrap())
        };
        let enters = verb == "enter" && 0 < free(&self.0);
        let is_held = verb != "leave" && (holds(&self.0, token) || enters);
        if is_held || verb == "leave" {
            self.0.remove(&token);
            self.0.retain(|_, until| now < *until);
        }
        if is_held {
            self.0.insert(token, now + lease);
        }
        let first = self.0.values().filter(|until| now < **until).min();
        let wait = first.filter(|_| !is_held).map_or(0, |first| first - now);
        [u64::from(is_held), free(&self.0), wait]
    }
}

fn hold(raw: &mut Raw, source: &str, name: &str, words: &[&str]) -> Option<Vec<i64>> {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    eval(raw, source, name, &words)
}

/// Whether leases are counted from another time than the server's, or the key lives too short.
fn is_late(raw: &mut Raw, source: &str) -> bool {
    let name = format!("{}:{{late}}", fresh_prefix());
    let before = time(raw);
    let told = hold(raw, source, &name, &["", "enter", "3", "5000000", "7", "3600000"]);
    let after = time(raw);
    let until = raw.command(&["ZSCORE", name.as_str(), "7"]).bytes();
    let until = until.and_then(|score| String::from_utf8(score).ok()?.parse::<i64>().ok());
    let lives = raw.command(&["PTTL", name.as_str()]).int();
    raw.delete_keys(&name);
    let is_a_lease_later = |until: i64| (before..=after).contains(&(until - 5_000_000));
    told != Some(vec![1, 2, 0])
        || !until.is_some_and(is_a_lease_later)
        || !(3_590_000..=3_606_000).contains(&lives)
}

/// Plays histories until the script and the model differ; answers whether they do.
fn hold_differs(raw: &mut Raw, source: &str) -> bool {
    is_late(raw, source)
        || (0..24).any(|seed| {
            let (mut dice, mut model, mut now) = (Dice(seed), Model::default(), START);
            let name = format!("{}:{{places}}", fresh_prefix());
            let differs = (0..80).any(|_| {
                match dice.below(12) {
                    0 | 1 => now -= dice.below(20 * SECOND),
                    2 => now += dice.below(10 * SECOND),
                    3..7 => now += dice.below(2 * SECOND),
                    // To the very end of a lease.
                    7 => now = model.0.values().copied().find(|until| now < *until).unwrap_or(now),
                    _ => {}
                }
                let verb = match dice.below(4) {
                    0 => "stay",
                    1 => "leave",
                    _ => "enter",
                };
                let (places, lease, token) = (1 + dice.below(3), (4 + dice.below(2)) * SECOND, dice.below(5));
                let expected = model.step(verb, places, lease, token, now);
                let words = [now, places, lease, token, KEEP].map(|number| number.to_string());
                let [now, places, lease, token, keep] = words.each_ref().map(String::as_str);
                let told = hold(raw, source, &name, &[now, verb, places, lease, token, keep]);
                told != Some(expected.map(|number| i64::try_from(number).unwrap()).to_vec())
            });
            raw.delete_keys(&name);
            differs
        })
}

/// Whether what is read is not what is kept, or the time is another.
fn peek_differs(raw: &mut Raw, source: &str) -> bool {
    let name = format!("{}:{{peek}}", fresh_prefix());
    raw.command(&["SET", name.as_str(), "kept", "EX", "100"]);
    let ask = |raw: &mut Raw, now: &str| match raw.try_command(&["EVAL", source, "1", &name, now]) {
        Ok(Reply::Array(told)) => <[Reply; 2]>::try_from(told).ok(),
        _ => None,
    };
    let at = ask(raw, "1700000000000001");
    let before = time(raw);
    let server = ask(raw, "");
    let after = time(raw);
    raw.delete_keys(&name);
    let kept = || Reply::Bytes(b"kept".to_vec());
    let is_now = |at: &Reply| matches!(at, Reply::Int(at) if (before..=after).contains(at));
    at != Some([kept(), Reply::Int(1_700_000_000_000_001)])
        || !server.is_some_and(|[value, at]| value == kept() && is_now(&at))
}

fn check(source: &str, differs: fn(&mut Raw, &str) -> bool, harmless: &[&str]) {
    let server = RedisServer::start();
    let raw = &mut server.raw();
    assert!(!differs(raw, source), "the script as it is differs from the model");
    let line = |at: usize, copy: &str| {
        let nth = source[..at].lines().count();
        format!("line {nth}: {}", copy.lines().nth(nth - 1).unwrap_or_default().trim())
    };
    let missed: Vec<String> = damaged(source)
        .filter(|(_, copy)| !differs(raw, copy))
        .map(|(at, copy)| line(at, &copy))
        .filter(|line| !harmless.iter().any(|known| line.contains(known)))
        .collect();
    assert!(missed.is_empty(), "not found:\n{}", missed.join("\n"));
}

#[test]
fn damaged_places_are_found() {
    // A TTL that is a little longer; one more of those who are not looked at.
    check(HOLD, hold_differs, &["math.ceil(lease / ", "'LIMIT', 0, 2"]);
}

#[test]
fn damaged_peek_is_found() {
    check(PEEK, peek_differs, &[]);
}
