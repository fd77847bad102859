//! Rules of access: which commands on which keys, and nothing else.

use std::{collections::BTreeSet, fmt};

use serde::{Serialize, Serializer};

use super::Component;

/// Rules of access, as `ACL SETUSER` takes them.
///
/// ```
/// use redstart_cli::security::{AccessRules, Component};
///
/// let rules = AccessRules::of(&[Component::RateLimit], "prod:shop").to_string();
/// assert!(rules.starts_with("resetkeys ~prod:shop:ratelimit:* "));
/// assert!(rules.contains(" +evalsha ") && !rules.contains("flushall") && !rules.contains("+@"));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessRules {
    keys: Vec<String>,
    channels: Vec<String>,
    commands: BTreeSet<&'static str>,
}

impl AccessRules {
    /// What these components need under a prefix, which may be empty.
    #[must_use]
    pub fn of(components: &[Component], prefix: &str) -> Self {
        let start = if prefix.is_empty() { String::new() } else { format!("{prefix}:") };
        let (mut keys, mut channels, mut commands) = (Vec::new(), Vec::new(), BTreeSet::new());
        for component in components {
            commands.extend(component.commands());
            for category in component.categories() {
                keys.push(format!("~{start}{category}:*"));
                // What stands beside a key that is shared with other programs has braces round its whole name.
                keys.push(format!("~{start}{{{category}:*"));
                if component.has_channels() {
                    channels.push(format!("&{start}{category}:*"));
                }
            }
            match component {
                Component::Jobs => keys.push(format!("~{}:*", queues(prefix))),
                Component::Monitor => keys.push(format!("%R~{start}*")),
                _ => {}
            }
        }
        keys.dedup();
        Self { keys, channels, commands }
    }

    /// The rules one by one.
    pub fn words(&self) -> impl Iterator<Item = String> {
        let channels = self.channels.iter().cloned();
        let commands = self.commands.iter().map(|command| format!("+{command}"));
        ["resetkeys".to_owned()]
            .into_iter()
            .chain(self.keys.iter().cloned())
            .chain(["resetchannels".to_owned()])
            .chain(channels)
            .chain(["-@all".to_owned()])
            .chain(commands)
    }

    /// The commands that are allowed; `config|get` is a part of one.
    pub fn commands(&self) -> impl Iterator<Item = &'static str> {
        self.commands.iter().copied()
    }

    /// The beginning of a key that may be written, or read where none may.
    pub(super) fn own_key(&self) -> String {
        let pattern = self.keys.first().map(String::as_str).unwrap_or_default();
        let name = pattern.trim_start_matches("%R").trim_start_matches('~').trim_end_matches('*');
        format!("{name}redstart-proof")
    }

    /// A channel of its own, where there is one.
    pub(super) fn own_channel(&self) -> Option<String> {
        let pattern = self.channels.first()?;
        Some(format!("{}redstart-proof", pattern.trim_start_matches('&').trim_end_matches('*')))
    }

    /// Whether every key may be read, so that none lies outside.
    pub(super) fn reads_all(&self) -> bool {
        self.keys.iter().any(|key| key == "%R~*")
    }
}

/// The names of queues, as the jobs make them of the prefix.
fn queues(prefix: &str) -> String {
    let prefix = prefix.replace(':', "/");
    if prefix.is_empty() { "{jobs}".to_owned() } else { format!("{{{prefix}/jobs}}") }
}

impl fmt::Display for AccessRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().collect::<Vec<_>>().join(" "))
    }
}

impl Serialize for AccessRules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
