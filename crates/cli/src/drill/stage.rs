//! One fault from its beginning to its end.

use std::time::Duration;

use tokio::time::sleep;

use super::{
    Args, Fault, Ordeal,
    judge::{Moments, judge},
    site::Site,
    workload::{Books, Workload},
};
use crate::{Failure, interrupt::or_interrupted};

const WARM_UP: Duration = Duration::from_millis(1_500);
/// How often it is looked whether all is well again.
const LOOK: Duration = Duration::from_millis(100);
/// The work goes on for a while after all was well.
const AFTERMATH: Duration = Duration::from_millis(500);

/// Stages the fault, and says what its clients saw.
pub(super) async fn stage(args: &Args, fault: Fault, mut site: Site) -> Result<Ordeal, Failure> {
    let workload = Workload::start(&site.config()?, &args.service).await?;
    let books = std::sync::Arc::clone(&workload.seen);
    let mut goes_on = or_interrupted(sleep(WARM_UP)).await;
    let struck = books.now();
    if goes_on.is_ok() {
        site.strike(fault, args.hold).await?;
        goes_on = or_interrupted(sleep(args.hold)).await;
    }
    // Whatever happens: a server of others is left as it was.
    let healing = books.now();
    site.heal(fault).await?;
    let healed = books.now();
    // Where another server takes over, clients wait for that and not for the healing.
    let takes_over = fault.loses_by_takeover(site.topology);
    let since = if takes_over { struck } else { healing };
    let moments = Moments { struck, since, healed };
    if goes_on.is_ok() {
        let recovery = async {
            while !is_well(&books, moments) && books.now() < healed + args.max_recovery {
                sleep(LOOK).await;
            }
            sleep(AFTERMATH).await;
        };
        goes_on = or_interrupted(recovery).await;
    }
    let ended = books.now();
    workload.end().await;
    site.clean().await?;
    goes_on?;
    Ok(judge(args, fault, &site, &books, moments, ended))
}

/// Whether every kind of work is answered by the server again.
fn is_well(books: &Books, moments: Moments) -> bool {
    let Moments { struck, since, .. } = moments;
    [&books.reads, &books.writes, &books.limits, &books.locks]
        .into_iter()
        .all(|record| record.recovered(struck, since).is_some())
}
