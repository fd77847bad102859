//! What a server bears, as a page.

use redstart_monitor::Grade;

use super::{Benchmark, Criterion, Mixed, Swept, Tiers};
use crate::{
    Failure,
    page::{Cell, Chart, Mood, Page, Part},
};

pub(super) fn page(benchmark: &Benchmark) -> Result<String, Failure> {
    let mut page = Page::new("What this server bears");
    page.add(Part::text(benchmark.target.clone()));
    if let Some(grade) = benchmark.grade {
        page.add(Part::Text(format!("Grade {grade:?}: {}", benchmark.reason), mood(grade)));
    }
    page.add(grades(benchmark));
    if let Some(measured) = &benchmark.sweep {
        for chart in sweep(measured) {
            page.add(Part::Chart(chart));
        }
    }
    if let Some(measured) = &benchmark.mix {
        page.add(Part::heading("A real-world mix at rising rates"));
        page.add(Part::Chart(mix_chart(measured)));
        page.add(mix(measured));
    }
    if let Some(measured) = &benchmark.tiers {
        page.add(Part::heading("Tiers and calls"));
        page.add(tiers(measured));
    }
    if let Some(measured) = &benchmark.memory {
        page.add(Part::heading("Writes into a full memory"));
        let (limit, policy) = (measured.limit / (1024 * 1024), &measured.policy);
        page.add(Part::text(format!(
            "{}, {limit} MiB, {policy}, {} keys evicted",
            measured.target, measured.evicted
        )));
        let row = |name: &str, phase: &super::Phase| {
            [
                name.to_owned(),
                format!("{:.0}", phase.per_second),
                format!("{:.2}", phase.times.p50_ms),
                format!("{:.2}", phase.times.p99_ms),
                phase.failed.to_string(),
            ]
            .map(Cell::plain)
        };
        let rows = [row("with room", &measured.roomy), row("full", &measured.full)];
        page.add(Part::table(&["", "writes a second", "p50 ms", "p99 ms", "failed"], rows));
    }
    page.add(Part::heading("What the grades want"));
    page.add(criteria());
    page.render(benchmark)
}

const fn mood(grade: Grade) -> Mood {
    match grade {
        Grade::A | Grade::B => Mood::Good,
        Grade::C | Grade::D => Mood::Doubtful,
        Grade::F => Mood::Bad,
    }
}

fn grades(benchmark: &Benchmark) -> Part {
    let rows = benchmark.grades.iter().map(|graded| {
        let grade = Cell::new(format!("{:?}", graded.grade), mood(graded.grade));
        [grade, Cell::plain(graded.part), Cell::plain(graded.reason.clone())]
    });
    Part::table(&["grade", "part", "why"], rows)
}

fn criteria() -> Part {
    let rows = Criterion::ALL.map(|criterion| {
        let word = if criterion.is_floor { "≥" } else { "≤" };
        let bounds = criterion.bounds.map(|bound| Cell::plain(format!("{word} {bound} {}", criterion.unit)));
        [Cell::plain(criterion.part), Cell::plain(criterion.figure)]
            .into_iter()
            .chain(bounds)
            .collect::<Vec<_>>()
    });
    Part::table(&["part", "figure", "A", "B", "C", "D"], rows)
}

fn sweep(swept: &Swept) -> [Chart; 2] {
    // Each number of callers is four times the one before, so the axis counts those steps.
    let steps: Vec<f64> = swept.rows.iter().map(|row| (row.callers as f64).log2()).collect();
    let unit = "callers, as a power of two";
    [
        Chart::new("Reads a second by callers at once", unit, "/s", steps.clone())
            .line("reads a second", swept.rows.iter().map(|row| Some(row.per_second))),
        Chart::new("Times of a read by callers at once", unit, "ms", steps)
            .logarithmic()
            .line("p50", swept.rows.iter().map(|row| Some(row.times.p50_ms)))
            .line("p99", swept.rows.iter().map(|row| Some(row.times.p99_ms))),
    ]
}

fn mix_chart(mixed: &Mixed) -> Chart {
    let rates = mixed.rows.iter().map(|row| row.rate).collect();
    Chart::new("Response times by rate", "/s", "ms", rates)
        .logarithmic()
        .line("p50", mixed.rows.iter().map(|row| Some(row.response.p50_ms)))
        .line("p99", mixed.rows.iter().map(|row| Some(row.response.p99_ms)))
}

fn mix(mixed: &Mixed) -> Part {
    let rows = mixed.rows.iter().map(|row| {
        let end = match &row.why_not {
            None => Cell::new("borne", Mood::Good),
            Some(why) => Cell::new(why.clone(), Mood::Bad),
        };
        let figures = [
            format!("{:.0}/s", row.rate),
            format!("{:.0}/s", row.answered_per_second),
            format!("{:.2}", row.response.p50_ms),
            format!("{:.2}", row.response.p99_ms),
            row.failed.to_string(),
        ];
        figures.map(Cell::plain).into_iter().chain([end]).collect::<Vec<_>>()
    });
    Part::table(&["rate", "answered", "p50 ms", "p99 ms", "failed", ""], rows)
}

fn tiers(tiers: &Tiers) -> Part {
    let rows = tiers.rows.iter().map(|row| {
        [
            row.name.to_owned(),
            format!("{:.1}", row.mean_micros),
            format!("{:.2}", row.alone.p99_ms),
            format!("{:.0}", row.together_per_second),
            row.failed.to_string(),
        ]
        .map(Cell::plain)
    });
    Part::table(&["", "mean µs alone", "p99 ms alone", "calls a second, 64 callers", "failed"], rows)
}
