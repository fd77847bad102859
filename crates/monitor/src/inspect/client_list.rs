//! Who is connected to the server.

use std::{collections::BTreeMap, time::Duration};

use redstart_connection::{Cmd, Result, Value};
use serde::Serialize;

use super::{Question, question::lossy};
use crate::durations;

/// How many groups are told apart; the smaller ones are left out.
const MAX_GROUPS: usize = 50;
/// Longer names are cut.
const MAX_NAME_CHARS: usize = 64;

/// Asks who is connected to the server; a long answer on a server with many clients.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AskClients;

/// Who is connected to the server, in groups of a kind.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClientList {
    /// How many are connected.
    pub clients: usize,
    /// How many wait in a blocking command.
    pub blocked: usize,
    /// The largest groups first, 50 at most.
    pub groups: Vec<ClientGroup>,
}

/// Clients with the same name, library and user.
///
/// Addresses are not shown, since they say more of people than of health.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClientGroup {
    /// The name that they gave themselves; empty for none.
    pub name: String,
    /// Their library; empty when they do not say.
    pub library: String,
    /// The user they speak for.
    pub user: String,
    /// How many there are.
    pub clients: usize,
    /// How many of them wait in a blocking command.
    pub blocked: usize,
    /// Bytes of the server's memory that they take.
    pub bytes: u64,
    /// The longest that one of them has said nothing.
    #[serde(rename = "idleSeconds", serialize_with = "durations::seconds")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub idle: Duration,
    /// The longest that one of them is connected.
    #[serde(rename = "ageSeconds", serialize_with = "durations::seconds")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub age: Duration,
}

impl Question for AskClients {
    type Answer = ClientList;
    const NAME: &'static str = "monitor.clients";

    fn cmd(&self) -> Cmd {
        Cmd::new("CLIENT").arg("LIST")
    }

    fn read(&self, answer: Value) -> Result<ClientList> {
        Ok(ClientList::parse(&lossy(answer)))
    }
}

impl ClientList {
    fn parse(text: &str) -> Self {
        let mut list = Self::default();
        let mut groups = BTreeMap::<_, ClientGroup>::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let field = |wanted: &str| {
                let found =
                    line.split(' ').find_map(|part| part.split_once('=').filter(|(name, _)| *name == wanted));
                found.map_or("", |(_, value)| value)
            };
            let number = |wanted: &str| field(wanted).parse::<u64>().unwrap_or_default();
            let cut = |wanted: &str| field(wanted).chars().take(MAX_NAME_CHARS).collect::<String>();
            let blocked = usize::from(field("flags").contains('b'));
            let kind = (cut("name"), cut("lib-name"), cut("user"));
            let (name, library, user) = kind.clone();
            let group = groups.entry(kind).or_insert_with(|| ClientGroup {
                name,
                library,
                user,
                ..ClientGroup::default()
            });
            group.clients += 1;
            group.blocked += blocked;
            group.bytes += number("tot-mem");
            group.idle = group.idle.max(Duration::from_secs(number("idle")));
            group.age = group.age.max(Duration::from_secs(number("age")));
            list.clients += 1;
            list.blocked += blocked;
        }
        list.groups = groups.into_values().collect();
        list.groups.sort_by_key(|group| std::cmp::Reverse(group.clients));
        list.groups.truncate(MAX_GROUPS);
        list
    }
}

#[cfg(test)]
mod tests;
