use super::*;
use crate::Rfc3339;

#[test]
fn a_local_address_is_told_from_another() {
    for local in [
        "redis://127.0.0.1:6379/0",
        "rediss://user@localhost:6379",
        "redis://[::1]:1/0",
        "unix:///tmp/redis.sock",
    ] {
        assert!(is_local(local), "{local}");
    }
    for remote in
        ["redis://10.0.0.7:6379/0", "rediss://cache.example:6380/0", "redis://localhost.example@10.0.0.7:1"]
    {
        assert!(!is_local(remote), "{remote}");
    }
}

fn call(id: u64, second: u64, millis: u64) -> SlowCall {
    SlowCall {
        id,
        at: Rfc3339::from(Timestamp::from_micros(second * 1_000_000)),
        duration: Duration::from_millis(millis),
        command: "KEYS".to_owned(),
        arguments: 1,
        client: String::new(),
    }
}

#[test]
fn slow_calls_are_counted_once() {
    let mut finder = Finder::default();
    let clock = redstart_connection::Clock::manual(Timestamp::from_micros(1_000_000_000));
    let mut count = |calls: &[SlowCall]| finder.slow_calls(calls, clock.now(), clock.instant());
    // The one is long ago, another not so slow.
    assert_eq!(count(&[call(7, 999, 12), call(6, 998, 9), call(5, 600, 50)]), 1);
    clock.advance(Duration::from_secs(60));
    assert_eq!(count(&[call(8, 1_050, 10), call(7, 999, 12)]), 1);
    clock.advance(Duration::from_secs(301));
    assert_eq!(count(&[call(8, 1_050, 10), call(7, 999, 12)]), 0);
    // The server was started anew.
    assert_eq!(count(&[call(0, 1_360, 30)]), 1);
    assert_eq!(count(&[]), 0);
}
