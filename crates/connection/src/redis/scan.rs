//! Walking over all names, on every server that has any.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use redstart_keys::Pattern;

use super::{Prepared, Redis, Route, convert::convert, node::Node};
use crate::{Error, Result};

/// How far a walk over all names has come.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ScanCursor {
    /// The servers that are still to be walked, the present one last; empty before the beginning.
    servers: Vec<String>,
    cursor: u64,
    begun: bool,
}

/// One step of a walk.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page {
    /// Names that match, as the server has them.
    pub names: Vec<Bytes>,
    /// How many servers were still to be walked when the step began, with the one that it walked.
    pub servers: usize,
    /// Where the next step begins; none at the end.
    pub next: Option<ScanCursor>,
}

impl Redis {
    /// One step of a walk over the names that `pattern` matches, looking at about `count` names.
    ///
    /// As with SCAN, what was there all the time is met at least once, perhaps more often. In a cluster
    /// every owner of slots is walked; a slot that changes its owner meanwhile may be missed.
    ///
    /// # Errors
    ///
    /// As [`Redis::send`].
    pub async fn scan(&self, from: &ScanCursor, pattern: &Pattern, count: u64) -> Result<Page> {
        let servers = if from.begun { from.servers.clone() } else { self.servers().await? };
        let left = servers.len();
        let mut cursor = ScanCursor { servers, cursor: from.cursor, begun: true };
        let mut name = Vec::new();
        pattern.render(&self.link.prefix, &mut name);
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor.cursor).arg("MATCH").arg(name).arg("COUNT").arg(count);
        let mut parts = convert(self.send_to(cursor.servers.last(), scan).await?)?.into_array()?.into_iter();
        let (Some(next), Some(names)) = (parts.next(), parts.next()) else {
            return Err(Error::protocol("a SCAN was answered with something else"));
        };
        // The cursor takes all 64 bits, so it is no number that fits an i64.
        cursor.cursor =
            next.into_text()?.parse().map_err(|_| Error::protocol("a cursor is a whole number"))?;
        let names = names.into_array()?.into_iter().map(crate::Value::into_bytes).collect::<Result<_>>()?;
        if cursor.cursor == 0 {
            cursor.servers.pop();
        }
        let ended = cursor.cursor == 0 && cursor.servers.is_empty();
        Ok(Page { names, servers: left, next: (!ended).then_some(cursor) })
    }

    /// Removes names as a scan has told them; answers how many there were.
    ///
    /// # Errors
    ///
    /// As [`Redis::pipeline`].
    pub async fn unlink(&self, names: &[Bytes]) -> Result<u64> {
        let groups = super::groups::by_slot(names.iter().map(|name| self.link.slot(name)));
        let unlinks: Vec<Prepared> = groups
            .iter()
            .map(|group| {
                let mut cmd = redis::cmd("UNLINK");
                group.iter().for_each(|&index| {
                    cmd.arg(&names[index][..]);
                });
                Prepared { cmd, slot: self.link.slot(&names[group[0]]) }
            })
            .collect();
        let mut removed = 0;
        for answer in self.dispatch_all(unlinks).await? {
            removed += u64::try_from(convert(answer?)?.into_int()?).unwrap_or(0);
        }
        Ok(removed)
    }

    /// The servers that own names, by address.
    pub(super) async fn servers(&self) -> Result<Vec<String>> {
        match &self.link.route {
            Route::One(node) => Ok(vec![node.to_string()]),
            Route::Rest(rest) => Ok(vec![rest.to_string()]),
            Route::Cluster(cluster) => {
                Ok(cluster.slots().await?.shards.iter().map(|shard| shard.owner.to_string()).collect())
            }
        }
    }

    /// Sends a command to one of the servers, by address.
    pub(super) async fn send_to(&self, name: Option<&String>, cmd: redis::Cmd) -> Result<redis::Value> {
        let cluster = match &self.link.route {
            Route::One(node) => return self.send_over(node, &cmd, false).await,
            Route::Rest(_) => return self.dispatch(&Prepared { cmd, slot: None }).await,
            Route::Cluster(cluster) => cluster,
        };
        let slots = cluster.slots().await?;
        let is_it = |owner: &&Arc<Node>| name.is_some_and(|name| owner.to_string() == *name);
        let found = slots.shards.iter().map(|shard| &shard.owner).find(is_it);
        let node = found.ok_or_else(|| {
            let name = name.map_or("a server", String::as_str);
            Error::unavailable(format!("{name} has left the cluster during the walk; begin again"))
        })?;
        self.send_over(node, &cmd, false).await
    }
}

impl ScanCursor {
    /// Leaves the present server as it is and goes on with the next; none when this was the last.
    ///
    /// For walks that look at a part of every server rather than at all of the first. A walk that has not
    /// begun stays as it is.
    #[must_use]
    pub fn next_server(mut self) -> Option<Self> {
        if !self.begun {
            return Some(self);
        }
        self.servers.pop();
        self.cursor = 0;
        (!self.servers.is_empty()).then_some(self)
    }

    /// The beginning of a walk over these servers, as [`Redis::send_to_each`] names them; the last comes first.
    #[must_use]
    pub fn over(servers: impl IntoIterator<Item = String>) -> Self {
        Self { servers: servers.into_iter().collect(), cursor: 0, begun: true }
    }

    /// The servers that are still to be walked, the present one last; none before the walk has begun.
    #[must_use]
    pub fn servers(&self) -> &[String] {
        &self.servers
    }

    /// The name of the server that is being walked; none before the walk has begun.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        self.servers.last().map(String::as_str)
    }

    /// Walks the present server from its beginning once more, for walks whose server was replaced meanwhile.
    #[must_use]
    pub fn server_again(self) -> Self {
        Self { cursor: 0, ..self }
    }

    /// The place as one line, from which [`from_token`](Self::from_token) makes it again in another process.
    ///
    /// ```
    /// use redstart_connection::ScanCursor;
    ///
    /// let begin = ScanCursor::default();
    /// assert_eq!(ScanCursor::from_token(&begin.to_token()), Some(begin));
    /// ```
    #[must_use]
    pub fn to_token(&self) -> String {
        let Self { servers, cursor, begun } = self;
        if *begun { format!("{cursor}\t{}", servers.join("\t")) } else { String::new() }
    }

    /// The place that [`to_token`](Self::to_token) wrote down; none for anything else.
    ///
    /// A server's own cursor means nothing to another, nor to the same one after a restart.
    #[must_use]
    pub fn from_token(token: &str) -> Option<Self> {
        if token.is_empty() {
            return Some(Self::default());
        }
        let (cursor, servers) = token.split_once('\t')?;
        Some(Self { cursor: cursor.parse().ok()?, ..Self::over(servers.split('\t').map(str::to_owned)) })
    }

    /// How many servers are still to be walked, with the present one; none before the walk has begun.
    #[must_use]
    pub fn servers_left(&self) -> Option<usize> {
        self.begun.then_some(self.servers.len())
    }
}

impl fmt::Display for ScanCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} servers left, at {}", self.servers.len(), self.servers.len().max(1), self.cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_survives_as_a_line() {
        let place =
            ScanCursor { servers: vec!["a:1".into(), "the master b".into()], cursor: u64::MAX, begun: true };
        assert_eq!(ScanCursor::from_token(&place.to_token()), Some(place.clone()));
        assert_eq!(place.server(), Some("the master b"));
        for nonsense in ["x\ta:1", "7", "-1\ta:1"] {
            assert_eq!(ScanCursor::from_token(nonsense), None, "{nonsense:?}");
        }
    }
}
