//! Whether sentinels and servers agree.

use std::{collections::HashMap, net::SocketAddr};

use super::{MASTER_NAME, Sentinels};
use crate::{
    raw::{Raw, Reply},
    server::RedisServer,
};

impl Sentinels {
    /// What those that are up do not agree on yet.
    pub(super) fn settled(&self) -> Result<(), String> {
        let mut master = None;
        for sentinel in self.sentinels.iter().filter(|sentinel| sentinel.is_up()) {
            let named = self
                .agrees(sentinel)
                .map_err(|missing| format!("the sentinel {} {missing}", sentinel.address()))?;
            if *master.get_or_insert(named) != named {
                return Err(format!("the sentinels name several masters, {named} among them"));
            }
        }
        let Some(master) = master else { return Err("no sentinel is up".to_owned()) };
        if !self.servers.iter().any(|server| server.is_up() && server.address() == master) {
            return Err(format!("{master} is away and still the master"));
        }
        replicated(&self.servers, master)
    }

    /// The master of one sentinel, if that one is content with all that it watches.
    fn agrees(&self, sentinel: &RedisServer) -> Result<SocketAddr, String> {
        let mut raw = sentinel.raw();
        let master = fields(raw.command(&["SENTINEL", "MASTER", MASTER_NAME]));
        let address = address(&master).ok_or_else(|| format!("knows no master: {master:?}"))?;
        if !is(&master, "flags", "master") || !is(&master, "role-reported", "master") {
            return Err(format!("has doubts about the master {address}: {:?}", master.get("flags")));
        }
        let servers = self.servers.iter().filter(|server| server.address() != address);
        look(&mut raw, "REPLICAS", "slave", servers)?;
        let peers = self.sentinels.iter().filter(|peer| peer.address() != sentinel.address());
        look(&mut raw, "SENTINELS", "sentinel", peers)?;
        Ok(address)
    }
}

/// Whether all servers that are up follow `master`.
pub(super) fn replicated(servers: &[RedisServer], master: SocketAddr) -> Result<(), String> {
    for server in servers.iter().filter(|server| server.is_up()) {
        let text = server.raw().command(&["INFO", "replication"]).text();
        let has = |line: &str| text.lines().any(|own| own.trim_end() == line);
        let in_place = if server.address() == master {
            has("role:master")
        } else {
            has("role:slave")
                && has(&format!("master_port:{}", master.port()))
                && has("master_link_status:up")
        };
        if !in_place {
            return Err(format!("{} is not in its place under {master}", server.address()));
        }
    }
    Ok(())
}

/// Whether a sentinel sees all of those that are up, and nothing else about them.
fn look<'a>(
    raw: &mut Raw,
    subject: &str,
    flag: &str,
    expected: impl Iterator<Item = &'a RedisServer>,
) -> Result<(), String> {
    let seen: Vec<_> =
        raw.command(&["SENTINEL", subject, MASTER_NAME]).array().into_iter().map(fields).collect();
    for server in expected.filter(|server| server.is_up()) {
        let content = seen.iter().any(|fields| {
            address(fields) == Some(server.address())
                && is(fields, "flags", flag)
                // Only a replica that reports this link may become master.
                && fields.get("master-link-status").is_none_or(|link| link == "ok")
        });
        if !content {
            return Err(format!("has doubts about {}", server.address()));
        }
    }
    Ok(())
}

fn is(fields: &HashMap<String, String>, name: &str, value: &str) -> bool {
    fields.get(name).is_some_and(|own| own == value)
}

fn address(fields: &HashMap<String, String>) -> Option<SocketAddr> {
    format!("{}:{}", fields.get("ip")?, fields.get("port")?).parse().ok()
}

/// Names and values, one after the other.
fn fields(reply: Reply) -> HashMap<String, String> {
    let mut words = reply.array().into_iter().map(Reply::text);
    let mut fields = HashMap::new();
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        fields.insert(name, value);
    }
    fields
}
