//! Whether the generator of the load kept up.

use serde::{Deserialize, Serialize};

use super::outcome::{Outcome, Starts};

/// Whether the generator kept up, and so whether the times can be trusted.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Generator {
    /// The judgement.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub reason: String,
}

/// Whether the generator kept up.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::exhaustive_enums, reason = "readers must decide for each; there is no fourth answer")]
pub enum Verdict {
    /// It did: the times are those of what was measured.
    #[default]
    KeptUp,
    /// A good part of the long times is its own.
    Noticeable,
    /// It was the slowest part itself: the times say nothing of what was measured.
    Bottleneck,
}

/// Starts that are later than this at their 99th place in a hundred are worth saying; where they are also a
/// good part of the response, no time can be trusted.
const LATE_MS: f64 = 5.0;
/// What the generator may add to the response time at its 99th place in a hundred.
const SHARE: f64 = 0.1;
/// A share of less than this is noise: a thread is woken within it.
const NOISE_MS: f64 = 2.0;
/// What of the planned starts must be made.
const HELD: f64 = 0.99;
/// Who keeps this share of the machine's processors busy has no more to give.
const EXHAUSTED: f64 = 0.9;

impl Generator {
    /// Judges a load by its lateness, by what it dropped, and by how busy this process was.
    pub(crate) fn judge(outcome: &Outcome, busy: Option<Busy>) -> Self {
        let (late, response) = (outcome.lateness.p99_ms, outcome.response.p99_ms);
        let Starts { planned, dropped, .. } = outcome.starts;
        let held = outcome.starts.held().unwrap_or(1.0);
        let is_exhausted = busy.is_some_and(|busy| EXHAUSTED * busy.of as f64 <= busy.used);
        let busy = busy.map_or_else(String::new, |busy| format!("; this process used {busy}"));
        let (verdict, reason) = if LATE_MS < late && SHARE * response < late {
            let reason = format!(
                "one start in a hundred was {late:.1} ms late or more{busy}: ask for less, or from more machines"
            );
            (Verdict::Bottleneck, reason)
        } else if LATE_MS < late {
            let reason = format!(
                "one start in a hundred was {late:.1} ms late or more, which is little beside {response:.1} ms{busy}"
            );
            (Verdict::Noticeable, reason)
        } else if held < HELD && !outcome.interrupted {
            let reason = format!(
                "{dropped} of {planned} starts were not made, since too many calls were under way{busy}"
            );
            (if is_exhausted { Verdict::Bottleneck } else { Verdict::Noticeable }, reason)
        } else if NOISE_MS < late && SHARE * response < late {
            let reason = format!(
                "{late:.1} ms of the {response:.1} ms at the 99th place in a hundred may be its own{busy}"
            );
            (Verdict::Noticeable, reason)
        } else {
            (Verdict::KeptUp, format!("99 starts in a hundred were at most {late:.2} ms late{busy}"))
        };
        Self { verdict, reason }
    }
}

/// How many of the machine's processors this process kept busy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Busy {
    pub(crate) used: f64,
    pub(crate) of: usize,
}

impl std::fmt::Display for Busy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} of {} processors", self.used, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::spread::Spread;

    fn verdict(late: f64, response: f64, made: u64) -> Verdict {
        let outcome = Outcome {
            lateness: Spread { p99_ms: late, ..Spread::default() },
            response: Spread { p99_ms: response, ..Spread::default() },
            starts: Starts { planned: 1_000, made, dropped: 1_000 - made, unanswered: 0 },
            ..Outcome::default()
        };
        Generator::judge(&outcome, None).verdict
    }

    #[test]
    fn late_starts_make_the_generator_the_bottleneck() {
        assert_eq!(verdict(5.1, 50.0, 1_000), Verdict::Bottleneck);
        assert_eq!(verdict(5.1, 900.0, 1_000), Verdict::Noticeable);
        assert_eq!(verdict(4.0, 900.0, 1_000), Verdict::KeptUp);
    }

    #[test]
    fn a_share_that_is_its_own_is_said_unless_it_is_noise() {
        assert_eq!(verdict(2.5, 20.0, 1_000), Verdict::Noticeable);
        assert_eq!(verdict(1.5, 2.0, 1_000), Verdict::KeptUp);
    }

    #[test]
    fn starts_that_were_not_made_are_said() {
        assert_eq!(verdict(0.1, 20.0, 980), Verdict::Noticeable);
        assert_eq!(verdict(0.1, 20.0, 995), Verdict::KeptUp);
    }

    #[test]
    fn who_drops_starts_with_all_processors_busy_is_the_bottleneck() {
        let starts = Starts { planned: 1_000, made: 900, dropped: 100, unanswered: 0 };
        let outcome = Outcome { starts, ..Outcome::default() };
        let verdict = |used| Generator::judge(&outcome, Some(Busy { used, of: 2 })).verdict;
        assert_eq!((verdict(1.9), verdict(0.5)), (Verdict::Bottleneck, Verdict::Noticeable));
    }
}
