//! What is promised, and what of it was missed.

use crate::{
    cell::{Cell, Run},
    fault::{Fault, Topology},
};

/// What a call may take beyond its deadline.
const GRACE_MS: f64 = 50.0;
/// How fast a call fails while the server is known to be away.
const FAIL_FAST_MS: f64 = 1.0;

/// Every bound that a run has missed, a line each.
pub(crate) fn misses(run: &Run, fault: Fault, topology: Topology) -> Vec<String> {
    let mut misses = Vec::new();
    for cell in &run.cells {
        let all = [
            deadline(cell),
            fail_fast(cell, fault),
            recovery(cell, fault, topology),
            effects(cell, fault.may_lose(topology)),
        ];
        misses.extend(
            all.into_iter().flatten().map(|miss| format!("{fault}, {topology}, {}: {miss}", cell.work)),
        );
    }
    let held = run.after.missing(run.before);
    misses.extend(held.into_iter().map(|miss| format!("{fault}, {topology}: {miss}")));
    misses
}

/// The bounds that hold whatever comes before and after: for a fault among many, and whether another server
/// took over meanwhile.
pub(crate) fn interval(cell: &Cell, fault: Fault, topology: Topology, took_over: bool) -> Vec<String> {
    let is_stuck = cell.recovered_ms.is_none();
    let stuck = is_stuck.then(|| format!("not recovered within {:?}", fault.patience()));
    let all = [deadline(cell), stuck, effects(cell, took_over || fault.may_lose(topology))];
    all.into_iter().flatten().map(|miss| format!("{fault}, {topology}, {}: {miss}", cell.work)).collect()
}

/// What the machine slept through during the call is not counted.
fn deadline(cell: &Cell) -> Option<String> {
    let Cell { longest_ms, longest_stall_ms, deadline_ms, .. } = cell;
    (longest_ms - longest_stall_ms > deadline_ms + GRACE_MS).then(|| {
        format!("a call took {longest_ms:.0} ms of {deadline_ms:.0} ms (the machine stood still for {longest_stall_ms:.0} ms)")
    })
}

fn fail_fast(cell: &Cell, fault: Fault) -> Option<String> {
    let p99 = cell.p99_away_ms.filter(|_| fault.must_fail_fast() && cell.work != "feed")?;
    let stall = cell.p99_stall_ms;
    (p99 - stall > FAIL_FAST_MS)
        .then(|| format!("while the server is down the p99 is {p99:.2} ms (the machine's own {stall:.2} ms)"))
}

fn recovery(cell: &Cell, fault: Fault, topology: Topology) -> Option<String> {
    let Some(recovered) = cell.recovered_ms else {
        return Some(format!("not recovered within {:?}", fault.patience()));
    };
    // A blocking read paces itself and may be in the middle of a wait; it has no bound of its own.
    let bound = fault.recovery_bound(topology).filter(|_| cell.work != "feed")?.as_secs_f64() * 1e3;
    (recovered > bound).then(|| format!("recovered after {recovered:.0} ms, {bound:.0} ms are promised"))
}

fn effects(cell: &Cell, may_lose: bool) -> Option<String> {
    let Cell { doubled, lost, .. } = cell;
    match (*doubled, *lost) {
        (0, 0) => None,
        // Replication is asynchronous: the successor lacks what it had not been told.
        (0, _) if may_lose => None,
        // Nor does it know of fences or entries that only its predecessor had.
        _ if may_lose && cell.work != "incr" => None,
        (doubled, lost) => {
            Some(format!("{doubled} effects happened twice, {lost} acknowledged ones are lost"))
        }
    }
}
