//! One histogram for all operations, with its handles kept per thread.

use std::{cell::RefCell, time::Duration};

use metrics::Histogram;

use crate::names;

thread_local! {
    /// Looking a handle up by labels costs more than recording, so each thread keeps those it has used.
    static HANDLES: RefCell<Vec<(usize, usize, Histogram)>> = const { RefCell::new(Vec::new()) };
}

/// Records the end of an operation.
///
/// The recorder must be installed before the first operation: until then handles lead nowhere.
pub(crate) fn record(operation: &'static str, outcome: &'static str, elapsed: Duration) {
    let (operation_at, outcome_at) = (operation.as_ptr().addr(), outcome.as_ptr().addr());
    HANDLES.with_borrow_mut(|handles| {
        let known = handles.iter().find(|(op, out, _)| *op == operation_at && *out == outcome_at);
        if let Some((_, _, histogram)) = known {
            histogram.record(elapsed);
            return;
        }
        let histogram =
            metrics::histogram!(names::OPERATION_SECONDS, "operation" => operation, "outcome" => outcome);
        histogram.record(elapsed);
        handles.push((operation_at, outcome_at, histogram));
    });
}
