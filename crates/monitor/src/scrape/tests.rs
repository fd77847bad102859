use super::*;

fn read(ledger: &mut Ledger, page: &str) -> Vec<(String, f64, Option<f64>)> {
    let samples = ledger.read(page, |_| true).unwrap();
    samples.into_iter().map(|sample| (sample.name, sample.value, sample.growth)).collect()
}

fn one(name: &str, value: f64, growth: Option<f64>) -> Vec<(String, f64, Option<f64>)> {
    vec![(name.to_owned(), value, growth)]
}

#[test]
fn counter_grows_from_page_to_page() {
    let mut ledger = Ledger::default();
    assert_eq!(read(&mut ledger, "# HELP a b\na 5"), one("a", 5.0, None));
    assert_eq!(read(&mut ledger, "a 7\n"), one("a", 7.0, Some(2.0)));
    assert_eq!(read(&mut ledger, "a 7"), one("a", 7.0, Some(0.0)));
}

#[test]
fn counter_that_fell_was_started_again() {
    let mut ledger = Ledger::default();
    read(&mut ledger, "a 7");
    assert_eq!(read(&mut ledger, "a 3"), one("a", 3.0, Some(3.0)));
}

#[test]
fn counter_that_is_new_began_at_nothing() {
    let mut ledger = Ledger::default();
    read(&mut ledger, "a 7");
    assert_eq!(read(&mut ledger, "b 3"), one("b", 3.0, Some(3.0)));
}

#[test]
fn the_servers_counters_are_older_than_the_look_at_them() {
    let mut ledger = Ledger::default();
    read(&mut ledger, "redis_up 0");
    let hits = "redis_keyspace_hits_total";
    assert_eq!(read(&mut ledger, &format!("{hits} 1000")), one(hits, 1000.0, None));
    read(&mut ledger, "redis_up 0");
    assert_eq!(read(&mut ledger, &format!("{hits} 1010")), one(hits, 1010.0, Some(10.0)));
}

#[test]
fn labels_are_read_with_their_escapes_and_a_time() {
    let page = "a{x=\"1\",y=\"q\\\"u\\\\o\\nte}\",} 2.5e3 1795181319873\nb{} +Inf\nc NaN";
    let samples = Ledger::default().read(page, |_| true).unwrap();
    assert_eq!(samples[0].label("y"), Some("q\"u\\o\nte}"));
    assert_eq!((samples[0].label("x"), samples[0].value), (Some("1"), 2500.0));
    assert_eq!((samples[1].value, samples[1].labels.len()), (f64::INFINITY, 0));
    assert!(samples[2].value.is_nan());
}

#[test]
fn what_is_no_page_is_refused_by_its_line() {
    for (page, line, problem) in [
        ("a 1\n<html>", 2, "it does not begin with the name of a metric"),
        ("a{x=\"1\" 2", 1, "its labels do not end"),
        ("a{x=\"1 2", 1, "the value of a label does not end"),
        ("a", 1, "it has no value"),
        ("a one", 1, "its value is no number"),
    ] {
        let refused = Ledger::default().read(page, |_| true);
        assert_eq!(refused, Err(Unreadable { line, problem }), "{page}");
    }
}

#[test]
fn what_nobody_wants_is_not_even_read() {
    let samples = Ledger::default().read("a{x=\"1} 2\nab 1", |name| name == "ab").unwrap();
    assert_eq!(samples.len(), 1);
}
