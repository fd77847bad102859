use super::*;

fn verdict(budget: Budget, (low, high): (f64, f64), rounds: usize) -> Verdict {
    let median = f64::midpoint(low, high);
    let summary = Summary { median, low, high, min: low, max: high, rounds };
    budget.judge(&summary, Unit::Times)
}

#[test]
fn ratio_is_judged_by_its_interval_and_the_tolerance() {
    let cases = [
        (Budget::AtLeast(0.9), (0.95, 1.1), Verdict::Yes),
        (Budget::AtLeast(0.9), (0.88, 1.1), Verdict::Yes),
        (Budget::AtLeast(0.9), (0.85, 1.1), Verdict::Unresolved),
        (Budget::AtLeast(0.9), (0.80, 0.86), Verdict::No),
        (Budget::AtMost(1.5), (1.2, 1.4), Verdict::Yes),
        (Budget::AtMost(1.5), (1.2, 1.52), Verdict::Yes),
        (Budget::AtMost(1.5), (1.2, 1.6), Verdict::Unresolved),
        (Budget::AtMost(1.5), (1.55, 1.6), Verdict::No),
    ];
    for (budget, interval, expected) in cases {
        assert_eq!(verdict(budget, interval, 15), expected, "{budget:?} {interval:?}");
    }
}

#[test]
fn few_rounds_resolve_nothing() {
    assert_eq!(verdict(Budget::AtLeast(0.9), (1.0, 1.1), 14), Verdict::Unresolved);
}

#[test]
fn figures_that_are_not_there_resolve_nothing() {
    assert_eq!(verdict(Budget::AtMost(1.1), (f64::NAN, f64::NAN), 15), Verdict::Unresolved);
}
