use std::collections::BTreeSet;

use super::*;
use crate::{Facts, Health, METRICS, Origin, Rfc3339, Window};

fn text(info: &str) -> String {
    let facts = Facts {
        reach: Reach::Answered,
        latency: Some(std::time::Duration::from_micros(400)),
        server: Some(ServerInfo::parse(info)),
        window: Some(Window::default()),
        ..Facts::default()
    };
    let health = Health::judge(&facts, Rfc3339::default());
    render(&Look { facts, health })
}

#[test]
fn a_redis_is_shown_like_this() {
    insta::assert_snapshot!(text(include_str!("../info/fixtures/redis-8.2.txt")));
}

#[test]
fn whatever_is_sampled_is_in_the_table() {
    let known: BTreeSet<_> =
        METRICS.iter().filter(|metric| metric.origin == Origin::Sampled).map(|metric| metric.name).collect();
    let valkey = text(include_str!("../info/fixtures/valkey-8.1.txt"));
    for line in valkey.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(known.contains(name), "{line}");
    }
    for line in valkey.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        assert_eq!(valkey.matches(&format!("# TYPE {line}\n")).count(), 1, "{line}");
    }
}

#[test]
fn a_silent_server_is_down() {
    let facts = Facts::default();
    let health = Health::judge(&facts, Rfc3339::default());
    let text = render(&Look { facts, health });
    assert!(text.contains("redis_up 0\n") && !text.contains("redis_memory"), "{text}");
}
