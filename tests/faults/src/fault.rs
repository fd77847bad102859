//! The faults, and what each needs and promises.

use std::{fmt, time::Duration};

use clap::ValueEnum;

/// How the servers stand to each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Topology {
    Standalone,
    Sentinel,
    Cluster,
}

/// What happens to the server or the way to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Fault {
    /// Killed with SIGKILL, and down for a while.
    Kill,
    /// Killed and started again at once.
    Restart,
    /// Stopped with SIGSTOP.
    Stop,
    /// Present connections carry nothing any more, under load; new ones work.
    HalfOpenBusy,
    /// The same while nobody calls.
    HalfOpenIdle,
    /// Every connection is reset, new ones too.
    Reset,
    /// Every reply comes 200 ms late.
    Latency,
    /// Replies end after two bytes, and with them the connection.
    Cut,
    /// The password is another one for a while.
    Password,
    /// The server behind the name is demoted, and the name leads to another.
    Readonly,
    /// Started anew with much to load.
    Loading,
    /// One client is one too many.
    MaxClients,
    /// There is no memory for writes.
    Oom,
    /// Writes are held up by CLIENT PAUSE.
    PauseWrites,
    /// Connections are accepted and never answered.
    BlackHole,
    /// The server's certificate is of an authority that nobody trusts.
    WrongCa,
    /// Another server becomes the master, in good order.
    Failover,
}

/// From when on recovery is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Since {
    /// The fault goes by itself, or the servers get over it.
    Injection,
    /// The fault is taken away.
    Healing,
}

/// What a fault needs to be staged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    pub(crate) proxy: bool,
    pub(crate) password: bool,
    pub(crate) standby: bool,
    pub(crate) tls: bool,
    pub(crate) slow_loading: bool,
}

impl Fault {
    /// Why the fault makes no sense there, if it doesn't.
    pub(crate) fn left_out(self, topology: Topology) -> Option<&'static str> {
        match (self, topology) {
            (Self::Failover, Topology::Standalone) => Some("there is nobody to fail over to"),
            (Self::Readonly, Topology::Sentinel | Topology::Cluster) => {
                Some("a demotion there is a failover, which has a row of its own")
            }
            (Self::WrongCa, Topology::Sentinel | Topology::Cluster) => {
                Some("the testkit's sentinels and clusters speak no TLS")
            }
            _ => None,
        }
    }

    pub(crate) fn needs(self) -> Needs {
        let none = Needs::default();
        match self {
            Self::HalfOpenBusy
            | Self::HalfOpenIdle
            | Self::Reset
            | Self::Latency
            | Self::Cut
            | Self::BlackHole => Needs { proxy: true, ..none },
            Self::Readonly => Needs { proxy: true, standby: true, ..none },
            Self::Password => Needs { password: true, ..none },
            Self::WrongCa => Needs { tls: true, ..none },
            Self::Loading => Needs { slow_loading: true, ..none },
            _ => none,
        }
    }

    /// How long the fault lasts, where it does not end by itself.
    pub(crate) fn hold(self) -> Duration {
        match self {
            // Nothing, as what follows takes its time.
            Self::Restart | Self::Loading | Self::Readonly | Self::HalfOpenBusy | Self::Failover => {
                Duration::ZERO
            }
            Self::Kill | Self::Password | Self::MaxClients | Self::HalfOpenIdle => Duration::from_secs(3),
            _ => Duration::from_secs(2),
        }
    }

    pub(crate) fn since(self, topology: Topology) -> Since {
        match self {
            Self::HalfOpenBusy | Self::Failover => Since::Injection,
            Self::Kill | Self::Stop if topology != Topology::Standalone => Since::Injection,
            _ => Since::Healing,
        }
    }

    /// How soon everything must work again.
    pub(crate) fn recovery_bound(self, topology: Topology) -> Option<Duration> {
        let millis = |millis| Some(Duration::from_millis(millis));
        match (self, topology) {
            (Self::Kill | Self::Loading, Topology::Standalone) => millis(1_000),
            // A restarted master of a cluster lets nobody write for two seconds by itself.
            (Self::Restart, Topology::Standalone | Topology::Sentinel) => millis(1_000),
            (Self::Readonly, _) => millis(500),
            // Three command time-outs and a second.
            (Self::HalfOpenBusy, _) => millis(3 * 200 + 1_000),
            (Self::Password, _) => millis(11_000),
            // The node time-out of the testkit's clusters is two seconds.
            (Self::Stop, Topology::Cluster) => millis(2_000 + 3_000),
            _ => None,
        }
    }

    /// Whether the server is known to be away meanwhile, so that calls must fail at once.
    pub(crate) fn must_fail_fast(self) -> bool {
        self == Self::Kill
    }

    /// How long recovery is waited for.
    pub(crate) fn patience(self) -> Duration {
        match self {
            // Certificates are looked at every 15 seconds, and wrong ones are tried slowly.
            Self::WrongCa => Duration::from_secs(45),
            _ => Duration::from_secs(20),
        }
    }

    /// Whether a server that took over may lack what its predecessor had acknowledged last.
    pub(crate) fn may_lose(self, topology: Topology) -> bool {
        match self {
            Self::Kill | Self::Stop | Self::Failover | Self::Loading => topology != Topology::Standalone,
            // The sentinels' own messages are writes, and their PINGs wait behind them: they take it for dead.
            Self::PauseWrites => topology == Topology::Sentinel,
            _ => false,
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
