//! How a fault takes its course: it strikes, lasts, goes, and everything works again.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    Result,
    clock::now,
    fault::{Fault, Since, Topology},
    inject::{heal, strike},
    load::{Load, pause_all, resume_all},
    site::Site,
};

const POLL: Duration = Duration::from_millis(20);

/// The moments of a run.
pub(crate) struct Moments {
    pub(crate) struck: Duration,
    /// When the fault was over, or everything worked in spite of it.
    pub(crate) over: Duration,
    /// From when on recovery is measured.
    pub(crate) since: Duration,
}

/// Strikes, waits, heals, and waits until everything works again.
pub(crate) async fn stage(
    fault: Fault,
    topology: Topology,
    site: &mut Site,
    loads: &[Load],
) -> Result<Moments> {
    let is_idle = fault == Fault::HalfOpenIdle;
    if is_idle {
        pause_all(loads).await;
    }
    let struck = now();
    let kept = strike(fault, site).await?;
    if fault.since(topology) == Since::Injection {
        let over = await_recovery(fault, struck, loads, true).await;
        heal(fault, site, kept)?;
        return Ok(Moments { struck, over, since: struck });
    }
    sleep(fault.hold()).await;
    let over = now();
    heal(fault, site, kept)?;
    let since = now();
    if is_idle {
        resume_all(loads);
    }
    await_recovery(fault, since, loads, false).await;
    Ok(Moments { struck, over, since })
}

/// Waits until every kind of work goes on; answers when.
async fn await_recovery(fault: Fault, since: Duration, loads: &[Load], after_failure: bool) -> Duration {
    // A fault that nobody has noticed by then will not be noticed.
    let noticed_by = since + Duration::from_secs(4);
    let give_up = since + fault.patience();
    loop {
        let all = loads.iter().all(|load| {
            let unnoticed = after_failure && noticed_by < now() && !load.record.noticed(since);
            load.record.recovered(since, after_failure && !unnoticed).is_some()
        });
        if all || give_up < now() {
            return now();
        }
        sleep(POLL).await;
    }
}
