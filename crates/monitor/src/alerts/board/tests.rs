use redstart_connection::Clock;

use super::*;
use crate::{Query, Selector, Severity, scrape::Ledger};

const REPEAT: Duration = Duration::from_secs(3_600);

/// A board on a gauge `level`: a warning above 80 after 20 s, critical above 90 after 10 s.
struct Bench {
    board: Board,
    clock: Clock,
}

impl Bench {
    fn new() -> Self {
        let hold = Duration::from_secs;
        let alert =
            Alert::new("level", "the level is high", Unit::Count, Query::Largest(Selector::of("level")))
                .warning(80.0, 75.0, hold(20))
                .critical(90.0, 85.0, hold(10));
        let table = AlertTable::empty().with(alert);
        let clock = Clock::manual(Timestamp::from_micros(1_000_000_000));
        Self { board: Board::new(&table, REPEAT, "shop-1"), clock }
    }

    fn now(&self) -> Moment {
        Moment { instant: self.clock.instant(), time: self.clock.now() }
    }

    /// Judges these levels, ten seconds apart; answers second, severity, status and repeats of each notice.
    fn judge(&mut self, levels: &[f64]) -> Vec<(u64, Severity, NoticeStatus, u32)> {
        let mut told = Vec::new();
        for level in levels {
            let samples = Ledger::default().read(&format!("level {level}"), |_| true).unwrap();
            let now = self.now();
            for notice in self.board.judge(&samples, now) {
                told.push((now.time.as_secs() - 1_000, notice.severity, notice.status, notice.repeats));
            }
            self.clock.advance(Duration::from_secs(10));
        }
        told
    }

    fn phases(&self) -> Vec<(AlertPhase, Severity)> {
        self.board.list().alerts.iter().map(|alert| (alert.phase, alert.severity)).collect()
    }
}

use NoticeStatus::{Firing, Resolved};
use Severity::{Critical, Warning};

#[test]
fn alert_goes_through_its_phases_and_is_told_once_each() {
    let mut bench = Bench::new();
    assert_eq!(bench.judge(&[50.0, 81.0, 82.0]), []);
    assert_eq!(bench.phases(), [(AlertPhase::Pending, Warning)]);
    assert_eq!(bench.judge(&[83.0, 84.0, 84.0]), [(30, Warning, Firing, 0)]);
    assert_eq!(bench.phases(), [(AlertPhase::Firing, Warning)]);
    assert_eq!(bench.judge(&[50.0; 10]), [(120, Warning, Resolved, 0)]);
    assert_eq!(bench.phases(), [(AlertPhase::Resolved, Warning)]);
}

#[test]
fn what_fires_for_long_is_repeated() {
    let mut bench = Bench::new();
    let told = bench.judge(&[85.0; 800]);
    assert_eq!(told, [(20, Warning, Firing, 0), (3_620, Warning, Firing, 1), (7_220, Warning, Firing, 2)]);
    assert_eq!(bench.judge(&[10.0; 7]), [(8_060, Warning, Resolved, 2)]);
}

#[test]
fn worse_bound_silences_the_milder_one() {
    let mut bench = Bench::new();
    assert_eq!(bench.judge(&[95.0; 400]), [(10, Critical, Firing, 0), (3_610, Critical, Firing, 1)]);
    // It is better, but not good: now the milder one says so.
    let told = bench.judge(&[82.0; 10]);
    assert_eq!(told, [(4_060, Critical, Resolved, 1), (4_060, Warning, Firing, 0)]);
    assert_eq!(bench.judge(&[10.0; 7]), [(4_160, Warning, Resolved, 0)]);
}

#[test]
fn bound_that_nobody_was_told_of_ends_in_silence() {
    let mut bench = Bench::new();
    assert_eq!(bench.judge(&[95.0; 10]), [(10, Critical, Firing, 0)]);
    assert_eq!(bench.judge(&[10.0; 7]), [(160, Critical, Resolved, 0)]);
    assert_eq!(bench.phases(), [(AlertPhase::Resolved, Warning), (AlertPhase::Resolved, Critical)]);
}

#[test]
fn silence_holds_notices_back_and_not_the_judgement() {
    let mut bench = Bench::new();
    let now = bench.now();
    assert!(bench.board.silence("level", Duration::from_secs(60), "moving house", now));
    assert!(!bench.board.silence("lever", Duration::from_secs(60), "", now));
    assert_eq!(bench.judge(&[85.0; 6]), []);
    assert_eq!(bench.phases(), [(AlertPhase::Firing, Warning)]);
    assert_eq!(bench.board.list().silences[0].reason, "moving house");
    assert_eq!(bench.judge(&[85.0; 6]), [(60, Warning, Firing, 0)]);

    let now = bench.now();
    assert!(bench.board.silence("level", Duration::from_secs(600), "", now));
    assert_eq!(bench.judge(&[10.0; 10]), [], "its end is not told either");
    assert!(bench.board.end_silence("level") && !bench.board.end_silence("level"));
}

#[test]
fn alert_that_is_no_longer_measured_is_over_and_says_so() {
    let mut bench = Bench::new();
    bench.judge(&[85.0; 3]);
    let mut told = Vec::new();
    for _ in 0..7 {
        let now = bench.now();
        told.extend(bench.board.judge(&[], now));
        bench.clock.advance(Duration::from_secs(10));
    }
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].status, told[0].value), (Resolved, None));
    assert_eq!(told[0].message, "the level is high: no longer measured");
}

#[test]
fn flapping_value_does_not_spam() {
    let mut bench = Bench::new();
    let flapping: Vec<f64> = (0..1_000).map(|nth| if nth % 2 == 0 { 85.0 } else { 10.0 }).collect();
    assert_eq!(bench.judge(&flapping), []);
    bench.judge(&[85.0; 3]);
    let told = bench.judge(&flapping[..300]);
    assert_eq!(told, [], "it fires, and neither ends nor begins again");
}

#[test]
fn each_notice_has_an_id_of_its_own() {
    let mut bench = Bench::new();
    let mut ids = Vec::new();
    for level in [85.0; 800].into_iter().chain([10.0; 7]).chain([85.0; 3]) {
        let samples = Ledger::default().read(&format!("level {level}"), |_| true).unwrap();
        let now = bench.now();
        ids.extend(bench.board.judge(&samples, now).into_iter().map(|notice| notice.id));
        bench.clock.advance(Duration::from_secs(10));
    }
    assert_eq!(ids[0], "shop-1.level.warning.1000000000.firing.0");
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), count), (5, 5));
}
