//! Striking, and taking it back.

use std::time::Duration;

use redstart_testkit::{Fault as Weather, Raw};
use tokio::task::block_in_place;

use crate::{
    Result,
    fault::Fault,
    site::{PASSWORD, Servers, Site},
};

const LATENCY: Duration = Duration::from_millis(200);

/// What is kept from the strike until the healing.
#[derive(Default)]
pub(crate) struct Struck {
    /// A connection from before, which the server still lets in.
    admin: Option<Raw>,
}

/// Strikes; what ends by itself has ended when this returns.
pub(crate) async fn strike(fault: Fault, site: &mut Site) -> Result<Struck> {
    let mut struck = Struck::default();
    match fault {
        Fault::Kill => site.kill(),
        Fault::Restart | Fault::Loading => {
            site.kill();
            site.restart();
        }
        Fault::Stop => block_in_place(|| site.freeze()),
        Fault::HalfOpenBusy | Fault::HalfOpenIdle => site.proxy()?.stall_existing(),
        Fault::Reset => site.proxy()?.set(Weather::Reset),
        Fault::Latency => site.proxy()?.set(Weather::Delay(LATENCY)),
        Fault::Cut => site.proxy()?.set(Weather::CutReplies(2)),
        Fault::BlackHole => site.proxy()?.set(Weather::BlackHole),
        Fault::Readonly => demote(site)?,
        Fault::WrongCa => {
            if let Servers::Standalone(standalone) = &mut site.servers {
                block_in_place(|| standalone.server.rotate_authority());
            }
            block_in_place(|| site.kill_our_clients(&mut site.victim_raw()));
        }
        Fault::Password => struck.admin = Some(set(site, "requirepass", "second", true)),
        Fault::MaxClients => struck.admin = Some(set(site, "maxclients", "1", true)),
        Fault::Oom => struck.admin = Some(set(site, "maxmemory", "1", false)),
        Fault::PauseWrites => {
            block_in_place(|| site.victim_raw().command(&["CLIENT", "PAUSE", "60000", "WRITE"]));
        }
        Fault::Failover => match &site.servers {
            Servers::Standalone(_) => {}
            Servers::Sentinel(sentinels) => drop(sentinels.failover().await),
            Servers::Cluster(cluster) => {
                let replicas = block_in_place(|| cluster.replicas_of(site.victim()));
                cluster.failover(*replicas.first().ok_or("the victim has no replica")?).await;
            }
        },
    }
    Ok(struck)
}

/// Takes the fault away; the servers are as before when this returns, or on their way there.
pub(crate) fn heal(fault: Fault, site: &mut Site, struck: Struck) -> Result {
    let restore = |name: &str, value: &str| {
        if let Some(mut admin) = struck.admin {
            block_in_place(|| admin.command(&["CONFIG", "SET", name, value]));
        }
    };
    match fault {
        Fault::Kill => site.restart(),
        Fault::Stop => site.thaw(),
        Fault::Reset | Fault::Latency | Fault::Cut | Fault::BlackHole => site.proxy()?.set(Weather::None),
        Fault::Password => restore("requirepass", PASSWORD),
        Fault::MaxClients => restore("maxclients", "10000"),
        Fault::Oom => restore("maxmemory", "0"),
        Fault::PauseWrites => {
            block_in_place(|| site.victim_raw().command(&["CLIENT", "UNPAUSE"]));
        }
        Fault::WrongCa => {
            if let Servers::Standalone(standalone) = &site.servers {
                standalone.trust_present_authority()?;
            }
        }
        Fault::Restart
        | Fault::Loading
        | Fault::HalfOpenBusy
        | Fault::HalfOpenIdle
        | Fault::Readonly
        | Fault::Failover => {}
    }
    Ok(())
}

/// Changes a setting of the victim, and cuts our connections to it if asked.
fn set(site: &Site, name: &str, value: &str, cuts: bool) -> Raw {
    block_in_place(|| {
        let mut admin = site.victim_raw();
        admin.command(&["CONFIG", "SET", name, value]);
        if cuts {
            site.kill_our_clients(&mut admin);
        }
        admin
    })
}

/// Demotes the server behind the name, and leads the name to its successor.
fn demote(site: &mut Site) -> Result {
    let Servers::Standalone(standalone) = &mut site.servers else { return Ok(()) };
    block_in_place(|| standalone.demote())?;
    let successor = standalone.holder().address();
    site.proxy()?.lead_to(successor);
    Ok(())
}
