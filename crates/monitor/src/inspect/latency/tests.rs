use super::*;

fn told(command: &'static str, classes: &[(i64, i64)]) -> Histograms {
    let text = |text: &'static str| Value::Bytes(text.into());
    let numbers = classes.iter().flat_map(|&(bound, count)| [Value::Int(bound), Value::Int(count)]);
    let calls = classes.last().map_or(0, |(_, count)| *count);
    let told =
        vec![text("calls"), Value::Int(calls), text("histogram_usec"), Value::Array(numbers.collect())];
    AskLatency.read(Value::Array(vec![text(command), Value::Array(told)])).unwrap()
}

fn micros(latency: &CommandLatency) -> (u64, u128, u128, u128) {
    (latency.calls, latency.p50.as_micros(), latency.p99.as_micros(), latency.max.as_micros())
}

#[test]
fn the_life_of_the_server_is_the_first_window() {
    let latency = told("get", &[(1, 90), (2, 98), (1_024, 100)]).since(None);
    assert_eq!((latency.seconds, latency.commands.len()), (None, 1));
    assert_eq!(micros(&latency.all), (100, 1, 1_024, 1_024));
    assert_eq!(latency.commands[0].command, "get");
}

#[test]
fn only_what_came_since_counts() {
    let before = told("get", &[(1, 1_000_000), (4, 1_000_010)]);
    let now = told("get", &[(1, 1_000_000), (2, 1_000_050), (4, 1_000_110)]);
    let latency = now.since(Some((Duration::from_secs(60), &before)));
    assert_eq!(latency.seconds, Some(60.0));
    // 50 took 2 µs, and of the 110 slower ones 10 were there before.
    assert_eq!(micros(&latency.all), (100, 2, 4, 4));
    let idle = now.since(Some((Duration::from_secs(60), &now)));
    assert_eq!((micros(&idle.all), idle.commands.len()), ((0, 0, 0, 0), 0));
}

#[test]
fn a_server_that_began_anew_is_not_compared() {
    let before = told("get", &[(1, 500)]);
    for now in [told("get", &[(8, 3)]), told("set", &[(8, 3)])] {
        let latency = now.since(Some((Duration::from_secs(60), &before)));
        assert_eq!((latency.seconds, micros(&latency.all)), (None, (3, 8, 8, 8)));
    }
}

#[test]
fn odd_answers_are_no_histograms() {
    assert!(AskLatency.read(Value::Nil).is_err());
    assert_eq!(AskLatency.read(Value::Array(Vec::new())).unwrap(), Histograms::default());
    assert_eq!(
        Histograms::default().since(None),
        ServerLatency {
            all: CommandLatency { command: "all".to_owned(), ..CommandLatency::default() },
            ..ServerLatency::default()
        }
    );
}
