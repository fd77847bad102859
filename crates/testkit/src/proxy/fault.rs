//! What can happen to the traffic.

use std::{net::SocketAddr, time::Duration};

/// A slow line is carried in pieces of this part of a second.
const PIECES_PER_SECOND: u64 = 20;

/// What happens to the traffic from now on.
///
/// A connection that lost a byte never passes one again in that direction, also when the fault has ended:
/// TCP doesn't lose the middle of a stream, and a client must not see replies out of step.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Everything passes.
    #[default]
    None,
    /// Each piece of a reply is held back this long.
    Delay(Duration),
    /// Each piece of a reply is held back for a while, of a length that nobody can foresee.
    Jitter {
        /// The shortest while.
        least: Duration,
        /// The longest while.
        most: Duration,
    },
    /// Each connection carries this many bytes in a second in each direction, at least one at a time.
    Bandwidth(u64),
    /// New connections are refused as if nothing listened; the present ones go on.
    Refuse,
    /// Every connection, present and new, is reset.
    Reset,
    /// Connections are accepted and bytes are taken, nothing reaches the server and nothing comes back.
    BlackHole,
    /// Requests reach the server and are carried out; their replies are lost.
    LoseReplies,
    /// The next reply of each connection ends after this many bytes, and with it the connection.
    CutReplies(usize),
}

/// What all connections look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub(super) fault: Fault,
    /// Where new connections lead.
    pub(super) server: SocketAddr,
    /// Connections with a smaller number have been reset.
    pub(super) reset_below: u64,
    /// Connections with a smaller number are half-open: no byte moves and nobody is told.
    pub(super) stalled_below: u64,
}

impl Fault {
    /// How many bytes are taken at a time, of at most `most`.
    pub(super) fn piece(self, most: usize) -> usize {
        let Self::Bandwidth(rate) = self else { return most };
        usize::try_from(rate / PIECES_PER_SECOND).unwrap_or(most).clamp(1, most)
    }

    /// How long a piece of so many bytes takes on this line.
    pub(super) fn passage(self, bytes: usize) -> Duration {
        let Self::Bandwidth(rate) = self else { return Duration::ZERO };
        let micros = bytes as u64 * 1_000_000 / rate.max(1);
        Duration::from_micros(micros)
    }

    /// How long a piece of a reply is held back.
    pub(super) fn hold(self) -> Duration {
        match self {
            Self::Delay(by) => by,
            Self::Jitter { least, most } => least + most.saturating_sub(least).mul_f64(fastrand::f64()),
            _ => Duration::ZERO,
        }
    }
}

impl Weather {
    pub(super) fn new(server: SocketAddr) -> Self {
        Self { fault: Fault::None, server, reset_below: 0, stalled_below: 0 }
    }

    pub(super) fn resets(&self, number: u64) -> bool {
        self.fault == Fault::Reset || number < self.reset_below
    }

    pub(super) fn stalls(&self, number: u64) -> bool {
        number < self.stalled_below
    }
}
