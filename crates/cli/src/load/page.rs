//! What came of a load, as a page to send to a colleague.

use super::{
    compare::{Change, Trend},
    generator::Verdict,
    outcome::{Outcome, Second, Use},
    spread::Spread,
};
use crate::{
    Failure,
    page::{Cell, Chart, Mood, Page, Part},
};

/// The whole page.
pub(super) fn page(outcome: &Outcome, changes: Option<&[Change]>) -> Result<String, Failure> {
    let mut page = Page::new(format!("Load: {}", outcome.scenario.name));
    page.add(Part::text(about(outcome)));
    if !outcome.scenario.description.is_empty() {
        page.add(Part::text(outcome.scenario.description.clone()));
    }
    page.add(verdict(outcome));
    page.add(Part::Figures(figures(outcome)));
    if !outcome.thresholds.is_empty() {
        page.add(Part::heading("What had to hold"));
        page.add(thresholds(outcome));
    }
    for chart in charts(&outcome.timeline) {
        page.add(Part::Chart(chart));
    }
    page.add(Part::heading("Times in milliseconds"));
    page.add(Part::text(
        "Response counts from when a call should have started, service from when it did; lateness is the \
         difference, which the generator itself adds.",
    ));
    page.add(times(outcome));
    if !outcome.failures.is_empty() {
        page.add(Part::heading("Failures"));
        page.add(failures(outcome));
    }
    page.add(Part::heading("Memory and connections"));
    page.add(resources(outcome));
    if let Some(changes) = changes {
        page.add(Part::heading("Compared with the earlier load"));
        page.add(compared(changes));
    }
    page.render(outcome)
}

fn about(outcome: &Outcome) -> String {
    let Outcome { target, seconds, started_at, scenario, .. } = outcome;
    let early = if outcome.interrupted { ", ended before its time" } else { "" };
    let (keys, zipf, size) = (scenario.keys, scenario.zipf, &scenario.value_size);
    format!("{target} · {started_at} · {seconds:.1} s{early} · {keys} keys, Zipf {zipf}, values of {size}")
}

fn verdict(outcome: &Outcome) -> Part {
    let reason = &outcome.generator.reason;
    match outcome.generator.verdict {
        Verdict::KeptUp => Part::Text(format!("The generator kept up: {reason}."), Mood::Good),
        Verdict::Noticeable => {
            Part::Text(format!("The generator is part of the picture: {reason}."), Mood::Doubtful)
        }
        Verdict::Bottleneck => Part::Text(
            format!("The generator is the bottleneck, so these times can't be trusted: {reason}."),
            Mood::Bad,
        ),
    }
}

fn figures(outcome: &Outcome) -> Vec<(String, Cell)> {
    let milliseconds = |time: f64| Cell::plain(format!("{time:.2} ms"));
    let percent =
        |share: Option<f64>| share.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", share * 100.0));
    let mood = |is_good: bool| if is_good { Mood::Plain } else { Mood::Bad };
    let held = outcome.starts.held();
    let failed = outcome.error_rate();
    vec![
        ("answers a second".to_owned(), Cell::plain(format!("{:.0}", outcome.answered_per_second))),
        ("starts made".to_owned(), Cell::new(percent(held), mood(held.is_none_or(|held| 0.99 <= held)))),
        ("p50".to_owned(), milliseconds(outcome.response.p50_ms)),
        ("p95".to_owned(), milliseconds(outcome.response.p95_ms)),
        ("p99".to_owned(), milliseconds(outcome.response.p99_ms)),
        ("failed".to_owned(), Cell::new(percent(failed), mood(failed.is_none_or(|failed| failed < 0.001)))),
        ("hit rate".to_owned(), Cell::plain(percent(outcome.hit_rate))),
        ("limited".to_owned(), Cell::plain(outcome.limited.to_string())),
    ]
}

fn thresholds(outcome: &Outcome) -> Part {
    let rows = outcome.thresholds.iter().map(|judgement| {
        let (word, mood) = if judgement.holds { ("pass", Mood::Good) } else { ("FAIL", Mood::Bad) };
        let measured = judgement.measured.clone().unwrap_or_else(|| "not measured".to_owned());
        [Cell::new(word, mood), Cell::plain(judgement.threshold.clone()), Cell::plain(measured)]
    });
    Part::table(&["", "threshold", "measured"], rows)
}

fn charts(timeline: &[Second]) -> Vec<Chart> {
    let at: Vec<f64> = timeline.iter().map(|second| (second.at * 10.0).round() / 10.0).collect();
    let time = |of: fn(&Spread) -> f64| {
        timeline.iter().map(move |second| (second.response.count > 0).then(|| of(&second.response)))
    };
    let figure = |of: fn(&Second) -> f64| timeline.iter().map(move |second| Some(of(second)));
    let mebibytes = |of: fn(&Second) -> Option<u64>| {
        timeline.iter().map(move |second| of(second).map(|bytes| bytes as f64 / (1024.0 * 1024.0)))
    };
    let chart = |title: &str, unit| Chart::new(title, "s", unit, at.clone());
    let mut charts = vec![
        chart("Response times, second by second", "ms")
            .logarithmic()
            .line("p50", time(|spread| spread.p50_ms))
            .line("p95", time(|spread| spread.p95_ms))
            .line("p99", time(|spread| spread.p99_ms))
            .line("max", time(|spread| spread.max_ms)),
        chart("Calls a second", "/s")
            .line("planned", figure(|second| second.planned))
            .line("answered", figure(|second| second.answered))
            .line("failed", figure(|second| second.failed as f64 / second.seconds))
            .line("limited", figure(|second| second.limited as f64 / second.seconds))
            .line("dropped", figure(|second| second.dropped as f64 / second.seconds)),
        chart("Calls under way, and how late the generator was", "")
            .line("under way", figure(|second| second.in_flight as f64))
            .line("lateness p99, ms", figure(|second| second.lateness_p99_ms)),
    ];
    let hits = chart("Reads that found something", "%")
        .line("hit rate", timeline.iter().map(|second| second.hit_rate.map(|rate| rate * 100.0)));
    let memory = chart("Memory", "MiB")
        .line("server", mebibytes(|second| second.server_bytes))
        .line("client", mebibytes(|second| second.client_bytes));
    charts.extend([hits, memory].into_iter().filter(|chart| !chart.lines.is_empty()));
    charts
}

fn times(outcome: &Outcome) -> Part {
    let row = |name: String, spread: &Spread| {
        let Spread { count, mean_ms, p50_ms, p90_ms, p95_ms, p99_ms, p999_ms, max_ms } = *spread;
        let times = [mean_ms, p50_ms, p90_ms, p95_ms, p99_ms, p999_ms, max_ms];
        let times = times.into_iter().map(|time| Cell::plain(format!("{time:.2}")));
        [Cell::plain(name), Cell::plain(count.to_string())].into_iter().chain(times).collect::<Vec<_>>()
    };
    let whole =
        [("response", &outcome.response), ("service", &outcome.service), ("lateness", &outcome.lateness)];
    let whole = whole.into_iter().map(|(name, spread)| row(name.to_owned(), spread));
    let steps = outcome.steps.iter().map(|step| row(format!("· {}", step.name), &step.response));
    Part::table(&["", "calls", "mean", "p50", "p90", "p95", "p99", "p99.9", "max"], whole.chain(steps))
}

fn failures(outcome: &Outcome) -> Part {
    let rows = outcome.failures.iter().map(|(class, failure)| {
        [
            Cell::new(class.clone(), Mood::Bad),
            Cell::plain(failure.count.to_string()),
            Cell::plain(failure.example.clone()),
        ]
    });
    Part::table(&["class", "calls", "what the first said"], rows)
}

fn resources(outcome: &Outcome) -> Part {
    let memory = |used: Option<Use>| {
        used.map_or_else(
            || "not told".to_owned(),
            |Use { before, peak, after }| {
                let mebibytes = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
                let (before, peak, after) = (mebibytes(before), mebibytes(peak), mebibytes(after));
                format!("{before:.1} MiB before, {after:.1} MiB after, {peak:.1} MiB at most")
            },
        )
    };
    let rows = [
        ("server", memory(outcome.memory.server)),
        ("client", memory(outcome.memory.client)),
        ("keys evicted", outcome.evicted.map_or_else(|| "not told".to_owned(), |keys| keys.to_string())),
        (
            "connections in use at most",
            outcome
                .pool
                .utilization
                .map_or_else(|| "not told".to_owned(), |share| format!("{:.0} %", share * 100.0)),
        ),
        ("connections exhausted", format!("{} times", outcome.pool.exhausted)),
    ];
    Part::table(&["", ""], rows.map(|(name, text)| [Cell::plain(name), Cell::plain(text)]))
}

fn compared(changes: &[Change]) -> Part {
    let rows = changes.iter().map(|Change { figure, before, now, unit, trend }| {
        let show = |figure: &Option<f64>| {
            Cell::plain(figure.map_or_else(|| "–".to_owned(), |figure| unit.show(figure)))
        };
        let (word, mood) = match trend {
            Trend::Better => ("better", Mood::Good),
            Trend::Same => ("same", Mood::Plain),
            Trend::Worse => ("worse", Mood::Bad),
        };
        [Cell::plain(figure.clone()), show(before), show(now), Cell::new(word, mood)]
    });
    Part::table(&["figure", "before", "now", ""], rows)
}
