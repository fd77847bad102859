//! One histogram for all operations, with its handles kept per thread.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use metrics::{Histogram, Label};

use crate::{Clock, names};

/// One call in so many is timed on the embedded store.
const TIMED: u8 = 16;

/// What all operations are of, by the conventions' name for Redis and what speaks its protocol.
static SYSTEM: Label = Label::from_static_parts("db_system_name", "redis");

thread_local! {
    /// Looking a handle up by labels costs more than recording, so each thread keeps those it has used.
    static OPERATIONS: RefCell<Vec<Known>> = const { RefCell::new(Vec::new()) };
}

/// What a thread knows of an operation.
struct Known {
    /// Where its name lies.
    operation: usize,
    /// By where the outcome lies.
    handles: Vec<(usize, Histogram)>,
    /// How many calls on the embedded store are still not to be timed.
    untimed: u8,
    /// How long the last one took that was timed.
    took: Duration,
}

/// Records the end of an operation.
///
/// The recorder must be installed before the first operation: until then handles lead nowhere.
pub(crate) fn record(operation: &'static str, outcome: &'static str, elapsed: Duration) {
    with(operation, |known| known.record(operation, outcome, elapsed));
}

/// Runs a step on the embedded store, and records its end as [`record`] does.
///
/// Reading the clock twice takes as long as such a step, so one in [`TIMED`] is timed, on each thread, and
/// stands for those that follow it: all are counted, and what they take together is right on the average.
#[inline]
pub(crate) fn record_embedded<R>(
    operation: &'static str,
    clock: &Clock,
    outcome: impl FnOnce(&R) -> &'static str,
    step: impl FnOnce() -> R,
) -> R {
    let started: Option<Instant> = with(operation, |known| {
        let is_due = known.untimed == 0;
        known.untimed = if is_due { TIMED } else { known.untimed } - 1;
        is_due.then(|| clock.instant())
    });
    let result = step();
    let took = started.map(|started| clock.instant().saturating_duration_since(started));
    let outcome = outcome(&result);
    with(operation, |known| {
        known.took = took.unwrap_or(known.took);
        known.record(operation, outcome, known.took);
    });
    result
}

#[inline]
fn with<R>(operation: &'static str, body: impl FnOnce(&mut Known) -> R) -> R {
    let place = operation.as_ptr().addr();
    OPERATIONS.with_borrow_mut(|all| {
        let at = all.iter().position(|known| known.operation == place).unwrap_or_else(|| {
            all.push(Known { operation: place, handles: Vec::new(), untimed: 0, took: Duration::ZERO });
            all.len() - 1
        });
        body(&mut all[at])
    })
}

impl Known {
    #[inline]
    fn record(&mut self, operation: &'static str, outcome: &'static str, elapsed: Duration) {
        let place = outcome.as_ptr().addr();
        if let Some((_, histogram)) = self.handles.iter().find(|(known, _)| *known == place) {
            histogram.record(elapsed);
            return;
        }
        let mut labels = vec![
            Label::new(names::label::OPERATION, operation),
            Label::new("outcome", outcome),
            SYSTEM.clone(),
        ];
        if names::is_error(outcome) {
            labels.push(Label::new("error_type", outcome));
        }
        let histogram = metrics::histogram!(names::OPERATION_SECONDS, labels);
        histogram.record(elapsed);
        self.handles.push((place, histogram));
    }
}
