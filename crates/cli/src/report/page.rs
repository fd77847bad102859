//! A report as a page.

use super::{Past, Report, Trended, finding::Weight};
use crate::{
    Failure,
    load::Trend,
    page::{Cell, Chart, Mood, Page, Part},
};

/// How many lines a chart of the history has at most.
const LINES: usize = 5;

pub(super) fn page(report: &Report) -> Result<String, Failure> {
    let mut page = Page::new("Performance report");
    let Report { target, at, watched_seconds, .. } = report;
    page.add(Part::text(format!("{target} · {at} · watched for {watched_seconds:.1} s")));
    page.add(health(report));
    let figures = report
        .figures
        .iter()
        .map(|figure| (figure.name.clone(), Cell::plain(figure.unit.show(figure.value))));
    page.add(Part::Figures(figures.collect()));
    page.add(Part::heading("Findings and recommendations"));
    if report.findings.is_empty() {
        page.add(Part::Text("Nothing of this is beyond its bound.".to_owned(), Mood::Good));
    } else {
        page.add(findings(report));
    }
    if let Some(last) = &report.last_at {
        page.add(Part::heading(&format!("Since the report of {last}")));
        page.add(trends(&report.trends));
        for chart in history(report) {
            page.add(Part::Chart(chart));
        }
    }
    if !report.commands.is_empty() {
        page.add(Part::heading("Time of the server, by command"));
        let rows = report.commands.iter().map(|row| {
            let times = [row.p50_ms, row.p99_ms].map(|time| Cell::plain(format!("{time:.3}")));
            [Cell::plain(row.command.clone()), Cell::plain(row.calls.to_string())]
                .into_iter()
                .chain(times)
                .collect::<Vec<_>>()
        });
        page.add(Part::table(&["command", "calls", "p50 ms", "p99 ms"], rows));
    }
    page.render(report)
}

fn health(report: &Report) -> Part {
    if !report.reachable {
        return Part::Text("It does not answer.".to_owned(), Mood::Bad);
    }
    let (Some(score), Some(grade)) = (report.score, &report.grade) else {
        return Part::text("It does not tell its health.");
    };
    let mood = match score {
        80.. => Mood::Good,
        60.. => Mood::Doubtful,
        _ => Mood::Bad,
    };
    Part::Text(format!("Health {score} of 100, grade {grade}"), mood)
}

fn findings(report: &Report) -> Part {
    let rows = report.findings.iter().map(|finding| {
        let (word, mood) = match finding.severity {
            Weight::Critical => ("critical", Mood::Bad),
            Weight::Warning => ("warning", Mood::Doubtful),
            Weight::Advice => ("advice", Mood::Plain),
        };
        [Cell::new(word, mood), Cell::plain(finding.message.clone()), Cell::plain(finding.remedy.clone())]
    });
    Part::table(&["", "what is wrong", "what to do"], rows)
}

fn trends(trends: &[Trended]) -> Part {
    let rows = trends.iter().map(|Trended { name, before, now, unit, trend }| {
        let (word, mood) = match trend {
            Some(Trend::Better) => ("better", Mood::Good),
            Some(Trend::Worse) => ("worse", Mood::Bad),
            Some(Trend::Same) => ("same", Mood::Plain),
            None => ("", Mood::Plain),
        };
        [
            Cell::plain(name.clone()),
            Cell::plain(unit.show(*before)),
            Cell::plain(unit.show(*now)),
            Cell::new(word, mood),
        ]
    });
    Part::table(&["figure", "before", "now", ""], rows)
}

/// The figures of each group over the reports that are known, this one last.
fn history(report: &Report) -> Vec<Chart> {
    let mut past: Vec<Past> = report.history.clone();
    past.push(report.in_short());
    let numbers: Vec<f64> = (0_u32..).zip(&past).map(|(number, _)| f64::from(number) + 1.0).collect();
    let scores = Chart::new("Health, report by report", "report", "", numbers.clone())
        .line("score", past.iter().map(|past| past.score.map(f64::from)));
    let group = |title: &str, group: &str, scale: f64, unit| {
        let figures = report.figures.iter().filter(|figure| figure.group == group).take(LINES);
        figures.fold(Chart::new(title, "report", unit, numbers.clone()), |chart, figure| {
            let values = past.iter().map(|past| past.figures.get(&figure.name).map(|value| value * scale));
            chart.line(&figure.name, values)
        })
    };
    let charts = [
        scores,
        group("Latency, report by report", "latency", 1.0, "ms"),
        group("Throughput, report by report", "throughput", 1.0, "/s"),
        group("Hit rates, report by report", "hit rates", 100.0, "%"),
    ];
    charts.into_iter().filter(|chart| !chart.lines.is_empty()).collect()
}
