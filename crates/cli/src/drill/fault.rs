//! What can be done to a server.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

/// What is started for a drill.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Topology {
    /// One server behind a line that can misbehave.
    Standalone,
    /// A primary with two replicas under three sentinels.
    Sentinel,
    /// Three primaries with a replica each.
    Cluster,
}

/// What is done to the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Fault {
    /// The primary dies; without replicas it comes back empty.
    Kill,
    /// The primary stands still: connections stay open, nothing answers.
    Freeze,
    /// The network swallows everything.
    Cut,
    /// Every answer comes 150 ms late.
    Slow,
    /// There is no memory for writes.
    Fill,
    /// Nothing by itself: you break something while it watches.
    Manual,
}

impl Fault {
    /// What it is drilled on where nobody says.
    pub(super) const fn usual_topology(self) -> Topology {
        match self {
            Self::Kill | Self::Freeze => Topology::Sentinel,
            Self::Cut | Self::Slow | Self::Fill | Self::Manual => Topology::Standalone,
        }
    }

    /// Why it can't be done to servers of the drill's own, and what can.
    pub(super) const fn left_out(self, topology: Topology) -> Option<(&'static str, &'static str)> {
        match (self, topology) {
            (Self::Cut | Self::Slow, Topology::Sentinel | Topology::Cluster) => Some((
                "servers under sentinels and in a cluster name their own addresses to clients, past any line",
                "use --topology standalone for it",
            )),
            (Self::Manual, _) => Some((
                "servers of the drill's own are nobody's to break by hand",
                "use it with --here, on the server that --url names",
            )),
            _ => None,
        }
    }

    /// Why it can't be done to a server that was there before, and what can.
    pub(super) const fn left_out_here(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Kill => Some((
                "a server that others started is not killed from here",
                "kill it yourself while --fault manual --hold 60s watches",
            )),
            _ => None,
        }
    }

    /// Whether all clients of the server feel it, and not only those of the drill.
    pub(super) const fn is_felt_by_all(self) -> bool {
        matches!(self, Self::Kill | Self::Freeze | Self::Fill)
    }

    /// Whether the way to the server leads over a line that can misbehave.
    pub(super) const fn needs_line(self) -> bool {
        matches!(self, Self::Cut | Self::Slow)
    }

    /// Whether another server takes over, or the same comes back empty: what was acknowledged last is gone.
    pub(super) const fn loses(self, topology: Topology) -> bool {
        match self {
            Self::Kill | Self::Manual => true,
            Self::Freeze => !matches!(topology, Topology::Standalone),
            Self::Cut | Self::Slow | Self::Fill => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        name(self, f)
    }
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        name(self, f)
    }
}

/// The name by which the command line knows a value.
fn name(value: &impl ValueEnum, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.pad(value.to_possible_value().as_ref().map_or("", |value| value.get_name()))
}
