//! One bound of one alert, from moment to moment.

use std::time::{Duration, Instant};

/// For how long an answer must be right again before an alert is over.
pub(super) const SETTLES: Duration = Duration::from_secs(60);

/// Where a bound stands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum State {
    /// All is right.
    #[default]
    Quiet,
    /// It is wrong, but not yet for long enough.
    Pending { since: Instant },
    /// It is wrong, or not yet right for long enough.
    Firing { since: Instant, right_since: Option<Instant> },
}

/// What an answer says of a bound.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// It is beyond the bound.
    Wrong,
    /// It is not, but not back where the alert would be over either.
    Between,
    /// It is right, or there is none.
    Right,
}

/// What changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Change {
    /// It began to fire.
    Fired,
    /// It is over.
    Resolved,
}

impl State {
    /// The next moment.
    pub(super) fn step(&mut self, answer: Answer, hold: Duration, now: Instant) -> Option<Change> {
        let (next, change) = match (*self, answer) {
            (Self::Quiet, Answer::Wrong) => Self::held(now, hold, now),
            (Self::Pending { since }, Answer::Wrong) => Self::held(since, hold, now),
            (Self::Quiet | Self::Pending { .. }, _) => (Self::Quiet, None),
            (Self::Firing { since, .. }, Answer::Wrong | Answer::Between) => {
                (Self::Firing { since, right_since: None }, None)
            }
            (Self::Firing { since, right_since }, Answer::Right) => {
                let right = right_since.unwrap_or(now);
                if now.duration_since(right) >= SETTLES {
                    (Self::Quiet, Some(Change::Resolved))
                } else {
                    (Self::Firing { since, right_since: Some(right) }, None)
                }
            }
        };
        *self = next;
        change
    }

    fn held(since: Instant, hold: Duration, now: Instant) -> (Self, Option<Change>) {
        if now.duration_since(since) >= hold {
            (Self::Firing { since, right_since: None }, Some(Change::Fired))
        } else {
            (Self::Pending { since }, None)
        }
    }

    pub(super) const fn is_firing(&self) -> bool {
        matches!(self, Self::Firing { .. })
    }
}

#[cfg(test)]
mod tests;
