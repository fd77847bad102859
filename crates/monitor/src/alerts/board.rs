//! The judgement: pages of metrics in, notices out.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use redstart_connection::Timestamp;

use super::{
    list::{AlertList, AlertPhase, AlertState, SilenceState},
    notice::{Notice, NoticeStatus},
    state::{Answer, Change, State},
    table::{Alert, AlertTable, Bound},
};
use crate::{Rfc3339, Unit, query::Meter, scrape::Sample};

/// How many alerts that are over are kept in sight.
const KEPT: usize = 100;

/// A moment by both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) instant: Instant,
    pub(super) time: Timestamp,
}

/// Where every alert stands.
#[derive(Debug)]
pub(super) struct Board {
    watched: Vec<Watched>,
    over: VecDeque<AlertState>,
    silences: Vec<Silence>,
    checked_at: Rfc3339,
    repeat_every: Duration,
    source: String,
}

#[derive(Debug)]
struct Watched {
    alert: Alert,
    meter: Meter,
    value: Option<f64>,
    lines: Vec<Line>,
}

/// One bound of an alert, and who was told of it.
#[derive(Debug)]
struct Line {
    bound: Bound,
    state: State,
    since: Timestamp,
    told: u32,
    last_told: Option<Instant>,
}

#[derive(Debug)]
struct Silence {
    alert: String,
    until: Instant,
    shown: SilenceState,
}

impl Board {
    pub(super) fn new(table: &AlertTable, repeat_every: Duration, source: &str) -> Self {
        let watched = table.iter().map(Watched::new).collect();
        let (over, silences) = (VecDeque::new(), Vec::new());
        Self {
            watched,
            over,
            silences,
            checked_at: Rfc3339::default(),
            repeat_every,
            source: source.to_owned(),
        }
    }

    /// The names of the samples that are needed.
    pub(super) fn names(&self) -> Vec<String> {
        self.watched.iter().flat_map(|watched| watched.meter.query().names()).collect()
    }

    /// Judges the next page; answers what is to be told.
    pub(super) fn judge(&mut self, samples: &[Sample], now: Moment) -> Vec<Notice> {
        self.checked_at = Rfc3339::from(now.time);
        self.silences.retain(|silence| now.instant < silence.until);
        let mut notices = Vec::new();
        for watched in &mut self.watched {
            watched.meter.add(now.instant, samples);
            watched.value = watched.meter.value();
            let is_silent = self.silences.iter().any(|silence| silence.alert == watched.alert.name);
            let Watched { alert, value, lines, .. } = watched;
            let changes: Vec<_> = lines.iter_mut().map(|line| line.step(alert, *value, now)).collect();
            let worst = lines.iter().rposition(|line| line.state.is_firing());
            // The worst first.
            for (place, (line, change)) in lines.iter_mut().zip(changes).enumerate().rev() {
                if change == Some(Change::Resolved) {
                    let mut over = line.shown(alert, *value, AlertPhase::Resolved);
                    over.resolved_at = Some(self.checked_at);
                    self.over.push_front(over);
                    self.over.truncate(KEPT);
                }
                // A worse bound of the same alert says it all.
                let is_outdone = worst.is_some_and(|worst| worst > place);
                if let Some((status, repeats)) =
                    line.tell(change, is_silent, is_outdone, self.repeat_every, now)
                {
                    notices.push(line.notice(alert, *value, (status, repeats), now.time, &self.source));
                }
            }
        }
        notices
    }

    /// Tells nobody of an alert until the silence is over; answers whether there is such an alert.
    pub(super) fn silence(&mut self, alert: &str, length: Duration, reason: &str, now: Moment) -> bool {
        let is_known = self.watched.iter().any(|watched| watched.alert.name == alert);
        if is_known {
            self.end_silence(alert);
            let until = Rfc3339::from(now.time.saturating_add(length));
            let shown = SilenceState { alert: alert.to_owned(), until, reason: reason.to_owned() };
            self.silences.push(Silence { alert: alert.to_owned(), until: now.instant + length, shown });
        }
        is_known
    }

    /// Tells of an alert again; answers whether it was silenced.
    pub(super) fn end_silence(&mut self, alert: &str) -> bool {
        let before = self.silences.len();
        self.silences.retain(|silence| silence.alert != alert);
        self.silences.len() < before
    }

    pub(super) fn list(&self) -> AlertList {
        let mut alerts: Vec<_> = self.watched.iter().flat_map(Watched::shown).collect();
        alerts.sort_by_key(|alert| (alert.phase, std::cmp::Reverse((alert.severity, alert.since))));
        alerts.extend(self.over.iter().cloned());
        let silences = self.silences.iter().map(|silence| silence.shown.clone()).collect();
        AlertList { checked_at: self.checked_at, alerts, silences }
    }

    /// Every bound: alert, severity, and whether it fires.
    pub(super) fn firing(&self) -> impl Iterator<Item = (&str, crate::Severity, bool)> {
        self.watched.iter().flat_map(|watched| {
            let name = watched.alert.name.as_str();
            watched.lines.iter().map(move |line| (name, line.bound.severity, line.state.is_firing()))
        })
    }
}

impl Watched {
    fn new(alert: &Alert) -> Self {
        let meter = Meter::new(alert.query.clone(), alert.window);
        let line = |bound: &Bound| Line {
            bound: *bound,
            state: State::Quiet,
            since: Timestamp::default(),
            told: 0,
            last_told: None,
        };
        Self { meter, value: None, lines: alert.bounds.iter().map(line).collect(), alert: alert.clone() }
    }

    fn shown(&self) -> impl Iterator<Item = AlertState> {
        self.lines.iter().filter_map(|line| {
            let phase = match line.state {
                State::Quiet => return None,
                State::Pending { .. } => AlertPhase::Pending,
                State::Firing { .. } => AlertPhase::Firing,
            };
            Some(line.shown(&self.alert, self.value, phase))
        })
    }
}

impl Line {
    fn step(&mut self, alert: &Alert, value: Option<f64>, now: Moment) -> Option<Change> {
        let answer = match value {
            Some(value) if alert.is_beyond(value, self.bound.threshold) => Answer::Wrong,
            Some(value) if alert.is_beyond(value, self.bound.clears_at) => Answer::Between,
            _ => Answer::Right,
        };
        if self.state == State::Quiet {
            self.since = now.time;
        }
        self.state.step(answer, self.bound.hold, now.instant)
    }

    /// What is to be told, and how often it was told before; notes that it is.
    fn tell(
        &mut self,
        change: Option<Change>,
        is_silent: bool,
        is_outdone: bool,
        repeat_every: Duration,
        now: Moment,
    ) -> Option<(NoticeStatus, u32)> {
        let told = self.told;
        if change == Some(Change::Resolved) {
            (self.told, self.last_told) = (0, None);
            return (told > 0 && !is_silent).then(|| (NoticeStatus::Resolved, told - 1));
        }
        let is_due = self.last_told.is_none_or(|last| now.instant.duration_since(last) >= repeat_every);
        if !self.state.is_firing() || is_silent || is_outdone || !is_due {
            return None;
        }
        (self.told, self.last_told) = (told + 1, Some(now.instant));
        Some((NoticeStatus::Firing, told))
    }

    fn notice(
        &self,
        alert: &Alert,
        value: Option<f64>,
        (status, repeats): (NoticeStatus, u32),
        at: Timestamp,
        source: &str,
    ) -> Notice {
        let Bound { severity, threshold, .. } = self.bound;
        let word = if status == NoticeStatus::Firing { "firing" } else { "resolved" };
        let (name, begun) = (&alert.name, self.since.as_micros());
        Notice {
            id: format!("{source}.{name}.{}.{begun}.{word}.{repeats}", severity.name()),
            status,
            repeats,
            alert: name.clone(),
            severity,
            message: message(alert, value, threshold),
            value,
            threshold,
            unit: alert.unit,
            remedy: alert.remedy.clone(),
            source: source.to_owned(),
            since: Rfc3339::from(self.since),
            at: Rfc3339::from(at),
        }
    }

    fn shown(&self, alert: &Alert, value: Option<f64>, phase: AlertPhase) -> AlertState {
        let Bound { severity, threshold, .. } = self.bound;
        AlertState {
            alert: alert.name.clone(),
            phase,
            severity,
            message: message(alert, value, threshold),
            value,
            threshold,
            unit: alert.unit,
            remedy: alert.remedy.clone(),
            since: Rfc3339::from(self.since),
            resolved_at: None,
            told: self.told,
        }
    }
}

pub(crate) fn message(alert: &Alert, value: Option<f64>, threshold: f64) -> String {
    let (problem, unit) = (&alert.problem, alert.unit);
    match value {
        _ if unit == Unit::Truth => problem.clone(),
        Some(value) => {
            let bound = if alert.is_floor { "at least" } else { "at most" };
            format!("{problem}: {}, {bound} {}", unit.show(value), unit.show(threshold))
        }
        None => format!("{problem}: no longer measured"),
    }
}

#[cfg(test)]
mod tests;
