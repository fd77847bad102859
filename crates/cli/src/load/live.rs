//! How a load is doing, while it lasts.

use super::{outcome::Second, scenario::Scenario, stage::Plan};
use crate::{Console, Progress};

/// A line on the terminal that changes every second.
#[derive(Debug)]
pub(super) struct Live {
    progress: Progress,
    seconds: u64,
    failed: u64,
    dropped: u64,
}

impl Live {
    pub(super) fn new(console: &Console, scenario: &Scenario) -> Self {
        let seconds = Plan::new(&scenario.stages).lasts().as_secs().max(1);
        let progress = console.progress(Some(seconds), format!("{}: starting", scenario.name));
        Self { progress, seconds, failed: 0, dropped: 0 }
    }

    pub(super) fn show(&mut self, second: &Second) {
        self.failed += second.failed;
        self.dropped += second.dropped;
        self.progress.at(whole(second.at).min(self.seconds));
        self.progress.say(line(second, self.failed, self.dropped));
    }
}

/// `1000/s of 1000/s  p50 0.4  p95 1.1  p99 2.3 ms  hit 93 %  failed 0`
fn line(second: &Second, failed: u64, dropped: u64) -> String {
    let Second { planned, answered, response, hit_rate, in_flight, .. } = second;
    let mut line = format!(
        "{answered:.0}/s of {planned:.0}/s  p50 {:.1}  p95 {:.1}  p99 {:.1} ms",
        response.p50_ms, response.p95_ms, response.p99_ms
    );
    if let Some(rate) = hit_rate {
        line.push_str(&format!("  hit {:.0} %", rate * 100.0));
    }
    line.push_str(&format!("  under way {in_flight}  failed {failed}"));
    if dropped > 0 {
        line.push_str(&format!("  dropped {dropped}"));
    }
    line
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "seconds are few and not negative"
)]
const fn whole(seconds: f64) -> u64 {
    seconds as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Spread;

    #[test]
    fn the_line_says_what_matters() {
        let response = Spread { p50_ms: 0.42, p95_ms: 1.1, p99_ms: 2.34, ..Spread::default() };
        let second = Second {
            planned: 1_000.0,
            answered: 998.6,
            hit_rate: Some(0.934),
            in_flight: 3,
            response,
            ..Second::default()
        };
        let said = "999/s of 1000/s  p50 0.4  p95 1.1  p99 2.3 ms  hit 93 %  under way 3  failed 0";
        assert_eq!(line(&second, 0, 0), said);
        assert!(line(&second, 2, 7).ends_with("failed 2  dropped 7"));
    }
}
