//! The grades: what each part must bring for which, and why it got its own.

use redstart_monitor::Grade;
use serde::Serialize;

use super::{Benchmark, Mixed, Pressed, Swept, Tiers};

/// The grade of one part.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Graded {
    /// The part.
    pub part: &'static str,
    /// Its grade.
    pub grade: Grade,
    /// Why it is that.
    pub reason: String,
}

/// What a figure must be for each grade.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Criterion {
    /// What is graded.
    pub part: &'static str,
    /// What is measured.
    pub figure: &'static str,
    /// What it counts.
    pub unit: &'static str,
    /// The bounds of A, B, C and D; what misses all of them is an F.
    pub bounds: [f64; 4],
    /// Whether more is better.
    pub is_floor: bool,
}

const TIERS: Criterion = Criterion {
    part: "tiers",
    figure: "the slower of a store hit and a write, one caller, p99",
    unit: "ms",
    bounds: [1.0, 2.0, 5.0, 10.0],
    is_floor: false,
};
const SWEEP: Criterion = Criterion {
    part: "concurrency",
    figure: "most reads a second",
    unit: "/s",
    bounds: [50_000.0, 20_000.0, 10_000.0, 3_000.0],
    is_floor: true,
};
const MEMORY: Criterion = Criterion {
    part: "memory",
    figure: "a write into the full memory, 32 callers, p99",
    unit: "ms",
    bounds: [10.0, 20.0, 50.0, 100.0],
    is_floor: false,
};
const MIX: Criterion = Criterion {
    part: "real-world mix",
    figure: "the highest rate that is borne",
    unit: "/s",
    bounds: [8_000.0, 4_000.0, 2_000.0, 1_000.0],
    is_floor: true,
};

impl Criterion {
    /// All of them.
    pub const ALL: [Self; 4] = [TIERS, SWEEP, MEMORY, MIX];

    fn grade(&self, measured: f64) -> Grade {
        let grades = [Grade::A, Grade::B, Grade::C, Grade::D];
        let holds = |bound: f64| if self.is_floor { bound <= measured } else { measured <= bound };
        grades
            .into_iter()
            .zip(self.bounds)
            .find(|(_, bound)| holds(*bound))
            .map_or(Grade::F, |(grade, _)| grade)
    }

    /// The grade of what was measured, and what the next better one would want.
    fn judge(&self, measured: f64) -> Graded {
        let Self { part, figure, unit, bounds, is_floor } = self;
        let grade = self.grade(measured);
        let digits = if *is_floor { 0 } else { 2 };
        let better = match grade {
            Grade::A => None,
            Grade::B => Some((Grade::A, bounds[0])),
            Grade::C => Some((Grade::B, bounds[1])),
            Grade::D => Some((Grade::C, bounds[2])),
            Grade::F => Some((Grade::D, bounds[3])),
        };
        let wanted = better.map_or_else(String::new, |(grade, bound)| {
            let word = if *is_floor { "at least" } else { "at most" };
            format!("; {grade:?} wants {word} {bound} {unit}")
        });
        Graded { part, grade, reason: format!("{figure}: {measured:.digits$} {unit}{wanted}") }
    }

    fn failed(&self, reason: String) -> Graded {
        Graded { part: self.part, grade: Grade::F, reason }
    }
}

impl Benchmark {
    /// Grades what was measured.
    pub(super) fn judge(&mut self) {
        let parts = [
            self.tiers.as_ref().map(tiers),
            self.sweep.as_ref().map(sweep),
            self.memory.as_ref().map(memory),
            self.mix.as_ref().map(mix),
        ];
        self.grades = parts.into_iter().flatten().collect();
        // A server is as good as what it is worst at: that is what its users will meet.
        let Some(worst) = self.grades.iter().max_by_key(|graded| graded.grade) else { return };
        self.grade = Some(worst.grade);
        self.reason = match worst.grade {
            Grade::A => "every part is an A".to_owned(),
            _ => format!("{}: {}", worst.part, worst.reason),
        };
    }
}

fn tiers(measured: &Tiers) -> Graded {
    if let Some(row) = measured.rows.iter().find(|row| row.failed > 0) {
        return TIERS.failed(format!("{} calls failed of {}", row.failed, row.name));
    }
    let graded = measured.rows.iter().filter(|row| matches!(row.name, "store hit" | "write"));
    TIERS.judge(graded.map(|row| row.alone.p99_ms).fold(0.0, f64::max))
}

fn sweep(measured: &Swept) -> Graded {
    if let Some(row) = measured.rows.iter().find(|row| row.failed > 0) {
        return SWEEP.failed(format!("{} reads failed with {} callers", row.failed, row.callers));
    }
    let mut graded = SWEEP.judge(measured.best_per_second);
    graded.reason.push_str(&format!("; {} callers are enough for it", measured.enough));
    graded
}

fn memory(measured: &Pressed) -> Graded {
    let full = &measured.full;
    if full.failed > 0 {
        let said = full.example.as_deref().unwrap_or("nothing");
        return MEMORY.failed(format!(
            "{} writes failed at the bound, policy {}: {said}",
            full.failed, measured.policy
        ));
    }
    MEMORY.judge(full.times.p99_ms)
}

fn mix(measured: &Mixed) -> Graded {
    let mut graded = MIX.judge(measured.borne_per_second);
    if let (Some(end), true) = (&measured.end, graded.grade != Grade::A) {
        graded.reason.push_str(&format!("; it ended at {end}"));
    }
    graded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_belong_to_the_better_grade() {
        let grades = |criterion: Criterion, figures: &[f64]| {
            figures.iter().map(|figure| criterion.grade(*figure)).collect::<Vec<_>>()
        };
        assert_eq!(
            grades(TIERS, &[1.0, 1.01, 5.0, 10.0, 11.0]),
            [Grade::A, Grade::B, Grade::C, Grade::D, Grade::F]
        );
        assert_eq!(grades(MIX, &[8_000.0, 7_999.0, 0.0]), [Grade::A, Grade::B, Grade::F]);
    }

    #[test]
    fn the_reason_says_what_the_next_grade_wants() {
        let reason = SWEEP.judge(12_000.0).reason;
        assert_eq!(reason, "most reads a second: 12000 /s; B wants at least 20000 /s");
    }

    #[test]
    fn the_weakest_part_is_the_grade_of_the_whole() {
        let swept = Swept { rows: Vec::new(), enough: 64, best_per_second: 60_000.0 };
        let mixed =
            Mixed { rows: Vec::new(), borne_per_second: 2_000.0, end: Some("4000/s: too slow".to_owned()) };
        let mut benchmark = Benchmark {
            schema_version: 1,
            target: String::new(),
            tiers: None,
            sweep: Some(swept),
            memory: None,
            mix: Some(mixed),
            grades: Vec::new(),
            grade: None,
            reason: String::new(),
        };
        benchmark.judge();
        assert_eq!(benchmark.grade, Some(Grade::C));
        assert!(
            benchmark.reason.starts_with("real-world mix") && benchmark.reason.ends_with("4000/s: too slow")
        );
    }
}
