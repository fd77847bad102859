//! Which faults follow each other on the same servers.

use std::fmt;

use clap::ValueEnum;

use crate::fault::{Fault, Needs, Topology};

/// A part of a soak, on servers of its own.
#[derive(Debug)]
pub(crate) struct Stretch {
    pub(super) topology: Topology,
    pub(super) faults: Vec<Fault>,
    pub(super) needs: Needs,
}

/// The stretches on these topologies, or on all if none is named.
pub(super) fn stretches(topologies: &[Topology]) -> Vec<Stretch> {
    let topologies = if topologies.is_empty() { Topology::value_variants() } else { topologies };
    topologies.iter().flat_map(|&topology| on(topology)).collect()
}

/// Behind proxies nobody fails over, so what befalls the servers and what befalls the way to them are apart,
/// except where there is nobody to fail over to.
fn on(topology: Topology) -> Vec<Stretch> {
    let stageable = Fault::value_variants().iter().copied().filter(|fault| can_repeat(*fault, topology));
    let (way, servers): (Vec<_>, Vec<_>) = stageable.partition(|fault| fault.needs().proxy);
    let stretch = |faults, proxy, password| Stretch {
        topology,
        faults,
        needs: Needs { proxy, password, ..Needs::default() },
    };
    match topology {
        Topology::Standalone => vec![stretch([servers, way].concat(), true, true)],
        Topology::Sentinel | Topology::Cluster => {
            vec![stretch(servers, false, true), stretch(way, true, false)]
        }
    }
}

/// Whether the servers are as before when it is over, without any preparation that changes the load.
fn can_repeat(fault: Fault, topology: Topology) -> bool {
    let Needs { proxy: _, password: _, standby, tls, slow_loading } = fault.needs();
    !standby && !tls && !slow_loading && fault.left_out(topology).is_none()
}

impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topology, faults, .. } = self;
        let names: Vec<_> = faults.iter().map(Fault::to_string).collect();
        write!(f, "{topology} ({})", names.join(", "))
    }
}

#[cfg(test)]
mod tests;
