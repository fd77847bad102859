use std::collections::BTreeSet;

use super::*;

#[test]
fn every_metric_has_a_name_of_its_own() {
    let names: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), METRICS.len());
}

#[test]
fn names_and_labels_are_legal() {
    let is_legal = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    for metric in METRICS {
        assert!(is_legal(metric.name) && metric.labels.iter().all(|label| is_legal(label)), "{metric:?}");
        assert!(metric.help.ends_with('.') && !metric.help.contains('|'), "{metric:?}");
    }
}

#[test]
fn histograms_of_time_say_seconds() {
    for metric in METRICS.iter().filter(|metric| metric.kind == Histogram) {
        assert!(metric.unit == Seconds && metric.name.ends_with("_seconds"), "{metric:?}");
    }
}

#[test]
fn the_table_of_the_docs_is_this() {
    insta::assert_snapshot!(to_markdown());
}
