//! How many starts a second, and from when to when.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A stretch of a scenario: a rate that stays, or one that rises or falls evenly.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Stage {
    /// Starts a second at its beginning.
    pub from: f64,
    /// Starts a second at its end.
    pub to: f64,
    /// How long it lasts, in seconds.
    pub seconds: f64,
}

/// When each call of a scenario should start.
///
/// Every moment is computed from the beginning of its stage, never by adding up intervals, so that what is
/// late once does not push what follows.
#[derive(Clone, Debug)]
pub struct Plan(Vec<Stage>);

impl Stage {
    /// The same rate from beginning to end.
    #[must_use]
    pub fn steady(rate: f64, lasts: Duration) -> Self {
        Self::ramp(rate, rate, lasts)
    }

    /// A rate that changes evenly.
    #[must_use]
    pub fn ramp(from: f64, to: f64, lasts: Duration) -> Self {
        Self { from, to, seconds: lasts.as_secs_f64() }
    }

    /// How many calls start up to `seconds` after its beginning.
    fn starts_until(&self, seconds: f64) -> f64 {
        let seconds = seconds.clamp(0.0, self.seconds);
        let gradient = (self.to - self.from) / self.seconds;
        (self.from + gradient * seconds / 2.0) * seconds
    }

    /// How long after its beginning the call of this number starts; the first is 0.
    fn due(&self, number: f64) -> f64 {
        // The root of `from·t + gradient·t²/2 = number`, in the form that divides by no small difference.
        let gradient = (self.to - self.from) / self.seconds;
        let root = (self.from * self.from + 2.0 * gradient * number).max(0.0).sqrt();
        if number > 0.0 { 2.0 * number / (self.from + root) } else { 0.0 }
    }
}

impl Plan {
    /// The plan of these stages, one after the other.
    #[must_use]
    pub fn new(stages: &[Stage]) -> Self {
        Self(stages.to_vec())
    }

    /// How long it lasts.
    #[must_use]
    pub fn lasts(&self) -> Duration {
        Duration::from_secs_f64(self.0.iter().map(|stage| stage.seconds).sum())
    }

    /// How many calls start in all.
    #[must_use]
    pub fn starts(&self) -> u64 {
        self.0.iter().map(|stage| whole(stage.starts_until(stage.seconds))).sum()
    }

    /// How many calls start in the time up to `moment`.
    #[must_use]
    pub fn starts_until(&self, moment: Duration) -> f64 {
        let mut left = moment.as_secs_f64();
        let mut starts = 0.0;
        for stage in &self.0 {
            starts += stage.starts_until(left);
            left -= stage.seconds;
        }
        starts
    }

    /// When each call starts, counted from the beginning.
    pub fn due(&self) -> impl Iterator<Item = Duration> + use<> {
        let mut begins = 0.0;
        let stages = self.0.clone().into_iter().map(move |stage| {
            let begun = begins;
            begins += stage.seconds;
            (begun, stage)
        });
        stages.flat_map(|(begun, stage)| {
            let starts = whole(stage.starts_until(stage.seconds));
            (0..starts).map(move |number| Duration::from_secs_f64(begun + stage.due(number as f64)))
        })
    }
}

/// The whole number below, where it is one of starts.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "starts are few and not negative"
)]
fn whole(starts: f64) -> u64 {
    // What adds up to a whole number but for the last bit of a fraction is that number.
    (starts + 1e-6).max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(stages: &[Stage]) -> Vec<f64> {
        Plan::new(stages).due().map(|due| (due.as_secs_f64() * 1e6).round() / 1e6).collect()
    }

    #[test]
    fn steady_rate_starts_at_equal_distances() {
        let plan = [Stage::steady(4.0, Duration::from_secs(1)), Stage::steady(2.0, Duration::from_secs(1))];
        assert_eq!(due(&plan), [0.0, 0.25, 0.5, 0.75, 1.0, 1.5]);
        assert_eq!(Plan::new(&plan).starts(), 6);
    }

    #[test]
    fn ramp_grows_closer_and_its_mirror_wider() {
        let up = due(&[Stage::ramp(0.0, 18.0, Duration::from_secs(1))]);
        // The roots of the ninths.
        assert_eq!(
            up,
            [0.0, 0.333_333, 0.471_405, 0.577_35, 0.666_667, 0.745_356, 0.816_497, 0.881_917, 0.942_809]
        );
        let down = due(&[Stage::ramp(8.0, 0.0, Duration::from_secs(1))]);
        assert_eq!(down, [0.0, 0.133_975, 0.292_893, 0.5]);
    }

    #[test]
    fn what_is_planned_up_to_a_moment_is_the_area_under_the_rate() {
        let plan = Plan::new(&[
            Stage::ramp(0.0, 100.0, Duration::from_secs(2)),
            Stage::steady(100.0, Duration::from_secs(1)),
        ]);
        let until = |millis| plan.starts_until(Duration::from_millis(millis));
        assert_eq!([until(0), until(1_000), until(2_500), until(9_000)], [0.0, 25.0, 150.0, 200.0]);
        assert_eq!((plan.starts(), plan.lasts()), (200, Duration::from_secs(3)));
    }
}
