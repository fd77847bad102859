//! One table names every metric.

use std::fs;

use redstart_monitor::METRICS;

/// The names that the crates emit under.
fn emitted() -> Vec<String> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/connection/src/names.rs");
    let names = fs::read_to_string(source).unwrap();
    let constant = |line: &str| line.strip_prefix("pub const ")?.split('"').nth(1).map(str::to_owned);
    names.lines().filter_map(constant).collect()
}

#[test]
fn every_emitted_name_stands_in_the_table() {
    let names = emitted();
    assert!(names.len() > 10, "{names:?}");
    let missing: Vec<_> =
        names.iter().filter(|name| METRICS.iter().all(|metric| metric.name != name.as_str())).collect();
    assert!(missing.is_empty(), "not in the table of metrics: {missing:?}");
}

#[test]
fn no_name_stands_twice() {
    let mut names: Vec<_> = METRICS.iter().map(|metric| metric.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}
