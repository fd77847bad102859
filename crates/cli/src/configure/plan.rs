//! What differs from what should be.

use std::collections::BTreeMap;

use redstart_connection::{Config, Store};
use redstart_monitor::{Ask, AskSettings, FetchInfo, Told};
use serde::Serialize;

use super::{Desired, Size, Target};
use crate::Failure;

/// What differs, server by server.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Plan {
    /// The servers, the owners of keys before their replicas.
    pub servers: Vec<Difference>,
}

/// One server's settings, as they are and as they should be.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Difference {
    /// Its address.
    pub address: String,
    /// Whether it follows another.
    pub is_replica: bool,
    /// Bytes of memory in use; none where it does not tell.
    pub used_memory: Option<u64>,
    /// Its settings.
    pub settings: Vec<Setting>,
    #[serde(skip)]
    pub(super) target: Target,
}

/// One setting.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// As it is.
    pub present: String,
    /// As it should be.
    pub desired: String,
}

impl Setting {
    /// Whether it is not as it should be.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.present != self.desired
    }
}

impl Plan {
    /// Asks each server how it is set.
    ///
    /// # Errors
    ///
    /// Fails when a server can't be reached, or does not let its settings be read or changed.
    pub async fn make(config: &Config, store: &Store, desired: &Desired) -> Result<Self, Failure> {
        let mut servers = Vec::new();
        for target in Target::all(config, store).await? {
            let present = match target.store.run(&Ask(AskSettings::default())).await? {
                Told::Known(settings) if settings.contains_key("maxmemory") => settings,
                other => return Err(managed(&target.address, &other, desired)),
            };
            let setting = |(name, desired): (&'static str, &str)| Setting {
                name,
                present: present.get(name).cloned().unwrap_or_default(),
                desired: desired.to_owned(),
            };
            let info = target.store.run(&FetchInfo::default()).await.ok();
            servers.push(Difference {
                address: target.address.clone(),
                is_replica: target.is_replica,
                used_memory: info.map(|info| info.memory.used),
                settings: desired.settings().map(setting).collect(),
                target,
            });
        }
        Ok(Self { servers })
    }

    /// Whether any setting of any server is not as it should be.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.servers.iter().any(|server| server.settings.iter().any(Setting::differs))
    }

    /// Refuses a bound below what is in use: keys would be thrown out, or writes refused, at once.
    pub(super) fn refuse_loss(&self, desired: &Desired) -> Result<(), Failure> {
        let bound = desired.memory();
        for Difference { address, used_memory, .. } in &self.servers {
            let Some(used) = used_memory.filter(|used| *used > bound.bytes()) else { continue };
            let at_once =
                if desired.evicts() { "keys would be thrown out" } else { "writes would be refused" };
            let what = format!(
                "maxmemory {bound}: {address} uses {} already, so that {at_once} at once",
                in_mebibytes(used)
            );
            let remedy = format!("give it more: --maxmemory {}", enough(used));
            return Err(Failure::found(what).with_remedy(remedy));
        }
        Ok(())
    }
}

/// A round bound with room for half as much again.
fn enough(used: u64) -> Size {
    let mebibytes = (used / 2 * 3) >> 20;
    Size::mebibytes((mebibytes / 256 + 1) * 256)
}

fn in_mebibytes(bytes: u64) -> String {
    format!("{}mb", bytes.div_ceil(1 << 20))
}

/// The server does not let itself be set from here.
fn managed(address: &str, told: &Told<BTreeMap<String, String>>, desired: &Desired) -> Failure {
    let why = match told {
        Told::NotAllowed => "the user of this connection may not send CONFIG",
        Told::NoAnswer | Told::NotAsked => "no answer came to CONFIG GET",
        Told::NotOffered | Told::Known(_) => "it offers no CONFIG, as managed services do",
    };
    let lines =
        desired.settings().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ");
    Failure::found(format!("{address} can't be set from here: {why}")).with_remedy(format!(
        "with a managed service, set these in its console or its API (ElastiCache: parameter group; \
         Azure: advanced settings; Memorystore: configuration; Upstash: eviction): {lines}. With a server of your own, \
         use a user with +config|get +config|set +config|rewrite"
    ))
}
