//! The walk over the names, which survives a restart of the server and of this program.

use std::time::Duration;

use bytes::Bytes;
use redstart_connection::{Clock, ErrorKind, ScanCursor, Store};
use redstart_keys::Pattern;

use crate::{
    Failure,
    archive::Position,
    wire::{Identified, Identify, ListNames, Patience},
};

/// How often a walk begins again because its server was replaced.
const BEGINNINGS: u32 = 20;
/// After so long it is looked whether a server that is away has been replaced.
const SETTLING: Duration = Duration::from_secs(3);

/// A walk over all names that some patterns match, one pattern after the other, on every server.
///
/// A server's cursor means nothing once the server was restarted or replaced, so the run of each is looked at
/// after its names: when it is another one, that server is walked again. A name may be met twice by it, none
/// is left out that was there all the time.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    store: &'a Store,
    patterns: &'a [Pattern],
    patience: Patience,
    servers: Vec<Identified>,
    at: Option<(usize, ScanCursor)>,
    begun_again: u32,
}

/// Names of one step.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) names: Vec<Bytes>,
    /// Which pattern they match.
    pub(super) pattern: usize,
    /// By how many milliseconds the clock of their server is ahead of this machine's.
    pub(super) ahead: i64,
}

impl<'a> Walk<'a> {
    /// Begins where a backup was cut, or at the beginning.
    pub(super) async fn begin(
        store: &'a Store,
        patterns: &'a [Pattern],
        patience: Patience,
        from: &Position,
    ) -> Result<Self, Failure> {
        let servers = identify(store, patience).await?;
        let mut walk = Self { store, patterns, patience, servers, at: None, begun_again: 0 };
        let kept = ScanCursor::from_token(&from.walk).filter(|cursor| walk.knows(cursor));
        let cursor = match kept {
            Some(cursor) if cursor.server().is_some() => {
                let is_same_run = from.run.is_some() && walk.server_of(&cursor).run == from.run;
                if is_same_run { cursor } else { cursor.server_again() }
            }
            _ => walk.beginning(),
        };
        walk.at = (from.pattern < patterns.len()).then_some((from.pattern, cursor));
        Ok(walk)
    }

    pub(super) fn servers(&self) -> &[Identified] {
        &self.servers
    }

    /// How often a server was walked again.
    pub(super) const fn begun_again(&self) -> u32 {
        self.begun_again
    }

    /// Where a backup goes on that is cut now.
    pub(super) fn position(&self) -> Position {
        let Some((pattern, cursor)) = &self.at else {
            return Position { pattern: self.patterns.len(), ..Position::default() };
        };
        Position { pattern: *pattern, walk: cursor.to_token(), run: self.server_of(cursor).run.clone() }
    }

    /// The next names; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Names>, Failure> {
        let Some((pattern, from)) = self.at.clone() else { return Ok(None) };
        let list = ListNames { pattern: self.patterns[pattern].clone(), from: from.clone() };
        let clock = self.store.clock();
        let began = clock.instant();
        let page = loop {
            match self.patience.at_most(SETTLING).run(self.store, &list).await {
                Err(error) if error.kind() == ErrorKind::Unavailable => {
                    self.servers = identify(self.store, self.patience).await?;
                    if !self.knows(&from) {
                        // It has left the cluster: others have its names now.
                        self.at = Some((pattern, self.beginning()));
                        self.count_beginning()?;
                        return Ok(Some(Names { names: Vec::new(), pattern, ahead: 0 }));
                    }
                    // It may leave only now: a cluster takes its time to give a server up.
                    if clock.instant().duration_since(began) >= self.patience.0 {
                        return Err(error.into());
                    }
                }
                page => break page?,
            }
        };
        let server = self.server_of(&from);
        let ahead = server.ahead.unwrap_or(0);
        let is_done_with_server = page.next.as_ref().and_then(ScanCursor::server) != from.server();
        if is_done_with_server && self.was_replaced(&from).await? {
            self.at = Some((pattern, from.server_again()));
            self.count_beginning()?;
        } else {
            let beyond = pattern + 1;
            self.at = match page.next {
                Some(next) => Some((pattern, next)),
                None => (beyond < self.patterns.len()).then(|| (beyond, self.beginning())),
            };
        }
        Ok(Some(Names { names: page.names, pattern, ahead }))
    }

    /// Whether the server of this place is no longer the one whose walk began.
    pub(super) async fn was_replaced(&mut self, place: &ScanCursor) -> Result<bool, Failure> {
        let before = self.server_of(place).run.clone();
        self.servers = identify(self.store, self.patience).await?;
        Ok(before.is_some() && self.server_of(place).run != before)
    }

    /// Walks the present server again if it was replaced; to be asked before a position is kept.
    pub(super) async fn settle(&mut self) -> Result<(), Failure> {
        let Some((pattern, place)) = self.at.clone() else { return Ok(()) };
        if self.was_replaced(&place).await? {
            self.at = Some((pattern, place.server_again()));
            self.count_beginning()?;
        }
        Ok(())
    }

    fn count_beginning(&mut self) -> Result<(), Failure> {
        self.begun_again += 1;
        if self.begun_again > BEGINNINGS {
            return Err(Failure::found(format!(
                "the servers were replaced {BEGINNINGS} times during the walk"
            ))
            .with_remedy("wait until the servers are settled, then go on with --resume"));
        }
        Ok(())
    }

    /// The beginning on all servers as they are now.
    fn beginning(&self) -> ScanCursor {
        ScanCursor::over(self.servers.iter().map(|server| server.address.clone()))
    }

    fn knows(&self, cursor: &ScanCursor) -> bool {
        let is_there = |name: &String| self.servers.iter().any(|server| server.address == *name);
        cursor.servers().iter().all(is_there)
    }

    fn server_of(&self, cursor: &ScanCursor) -> Identified {
        let found = self.servers.iter().find(|server| Some(server.address.as_str()) == cursor.server());
        found.cloned().unwrap_or_default()
    }
}

/// Who the servers are.
pub(crate) async fn identify(store: &Store, patience: Patience) -> Result<Vec<Identified>, Failure> {
    let identify = Identify { clock: Clock::clone(store.clock()) };
    Ok(patience.run(store, &identify).await?)
}
