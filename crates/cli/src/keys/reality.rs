//! What there is, sorted by declaration.

use std::collections::BTreeMap;

use redstart_keys::Category;
use redstart_monitor::CountedKey;
use serde::Serialize;

use super::Declared;

/// So many of the biggest, the endless and the unknown are named.
const NAMED: usize = 10;
/// Names that nobody declared are told apart up to so many.
const GROUPS: usize = 200;
/// No name of a group is longer.
const LONGEST: usize = 48;

/// The keys that are there, against those that are declared.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Reality {
    /// Whether every key was looked at.
    pub complete: bool,
    /// How many were.
    pub keys: u64,
    /// How many servers were asked.
    pub servers: usize,
    /// Whether there was a catalogue to compare with.
    pub has_catalogue: bool,
    /// The keys of each declaration, in the order of the catalogue.
    pub declared: Vec<Group>,
    /// Keys that nobody declared, by the first part of their names; without a catalogue, all.
    pub unknown: Vec<Group>,
    /// Some of the keys that never end although their declaration says so.
    pub endless: Vec<String>,
    /// The biggest keys, where the server tells.
    pub biggest: Vec<Named>,
}

/// Keys that belong together.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Group {
    /// Category and name, such as `cache:user`.
    pub name: String,
    /// How long entries live; none for those that may stay, and for what nobody declared.
    pub ttl: Option<String>,
    /// How many keys of entries.
    pub keys: u64,
    /// How many keys beside them: tickets, sequencers, tags.
    pub companions: u64,
    /// How many never end.
    pub endless: u64,
    /// How many are of another version than the declared one.
    pub other_versions: u64,
    /// Bytes that they take, where the server tells.
    pub bytes: u64,
}

/// A key and its size.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Named {
    /// Its name without the prefix.
    pub name: String,
    /// Bytes that it takes.
    pub bytes: u64,
}

/// Sorts keys as they come.
#[derive(Debug)]
pub(super) struct Sorting {
    declared: Vec<(Declared, Group)>,
    places: BTreeMap<String, usize>,
    unknown: BTreeMap<String, Group>,
    endless: Vec<String>,
    biggest: Vec<Named>,
}

impl Sorting {
    pub(super) fn new(declared: Vec<Declared>) -> Self {
        let group = |of: &Declared| Group {
            name: format!("{}:{}", of.category, of.name),
            ttl: of.ttl.clone(),
            ..Group::default()
        };
        let declared: Vec<_> = declared.into_iter().map(|of| (group(&of), of)).map(|(a, b)| (b, a)).collect();
        let places = declared.iter().enumerate().map(|(at, (_, group))| (group.name.clone(), at)).collect();
        Self { declared, places, unknown: BTreeMap::new(), endless: Vec::new(), biggest: Vec::new() }
    }

    pub(super) fn add(&mut self, key: CountedKey) {
        let parts = Parts::of(&key.name);
        let group = match self.places.get(&parts.group) {
            Some(&at) => {
                let (declared, group) = &mut self.declared[at];
                group.other_versions += u64::from(parts.version != declared.version && !parts.is_companion);
                if !key.ends && declared.ttl.is_some() && self.endless.len() < NAMED {
                    self.endless.push(key.name.clone());
                }
                group
            }
            None => {
                let is_full = self.unknown.len() >= GROUPS && !self.unknown.contains_key(&parts.group);
                let name = if is_full { "others".to_owned() } else { parts.group };
                self.unknown.entry(name.clone()).or_insert_with(|| Group { name, ..Group::default() })
            }
        };
        let count = if parts.is_companion { &mut group.companions } else { &mut group.keys };
        *count += 1;
        group.endless += u64::from(!key.ends);
        group.bytes += key.bytes.unwrap_or(0);
        if let Some(bytes) = key.bytes {
            self.biggest.push(Named { name: key.name, bytes });
        }
        if self.biggest.len() > 50 * NAMED {
            self.keep_biggest();
        }
    }

    pub(super) fn finish(mut self) -> Reality {
        self.keep_biggest();
        let mut unknown: Vec<_> = self.unknown.into_values().collect();
        unknown.sort_by(|one, other| other.keys.cmp(&one.keys).then_with(|| one.name.cmp(&other.name)));
        Reality {
            has_catalogue: !self.declared.is_empty(),
            declared: self.declared.into_iter().map(|(_, group)| group).collect(),
            unknown,
            endless: self.endless,
            biggest: self.biggest,
            ..Reality::default()
        }
    }

    /// A key that a walk shows twice follows itself, and stays once.
    fn keep_biggest(&mut self) {
        self.biggest
            .sort_by(|one, other| other.bytes.cmp(&one.bytes).then_with(|| one.name.cmp(&other.name)));
        self.biggest.dedup();
        self.biggest.truncate(NAMED);
    }
}

impl Reality {
    /// Whether nothing is there that should not be.
    #[must_use]
    pub fn is_well(&self) -> bool {
        !self.has_catalogue || self.unknown.is_empty() && self.endless.is_empty()
    }
}

/// What a name says.
struct Parts {
    group: String,
    version: u16,
    is_companion: bool,
}

impl Parts {
    fn of(name: &str) -> Self {
        let open = name.strip_prefix('{').unwrap_or(name);
        let mut segments = open.split(':');
        let first = segments.next().unwrap_or_default();
        if Category::from_name(first).is_none() {
            return Self { group: shortened(first), version: 1, is_companion: false };
        }
        let group = format!("{first}:{}", segments.next().unwrap_or_default());
        let rest = open.get(group.len()..).unwrap_or_default().trim_start_matches(':');
        let (version, rest) = versioned(rest);
        // `#seq`, `{42}:g`, and the braces of a plain key's companion.
        let is_companion =
            rest.starts_with('#') || name.starts_with('{') || rest.starts_with('{') && !rest.ends_with('}');
        Self { group: shortened(&group), version, is_companion }
    }
}

/// Takes `v2:` off the front.
fn versioned(rest: &str) -> (u16, &str) {
    let version = rest
        .split_once(':')
        .and_then(|(version, rest)| Some((version.strip_prefix('v')?.parse().ok()?, rest)));
    version.unwrap_or((1, rest))
}

fn shortened(name: &str) -> String {
    name.chars().take(LONGEST).map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(names: &[(&str, bool)]) -> Reality {
        let user =
            Declared { category: Category::Cache, name: "user".into(), ttl: Some("1h".into()), version: 2 };
        let flag = Declared { category: Category::Flag, name: "feature".into(), ttl: None, version: 1 };
        let mut sorting = Sorting::new(vec![user, flag]);
        for (name, ends) in names {
            let mut key = CountedKey::default();
            (key.name, key.ends) = ((*name).to_owned(), *ends);
            sorting.add(key);
        }
        sorting.finish()
    }

    #[test]
    fn keys_go_to_their_declaration() {
        let reality = sorted(&[
            ("cache:user:v2:{1}", true),
            ("cache:user:v2:{1}:g", true),
            ("cache:user:#seq", true),
            ("cache:user:{1}", true),
            ("flag:feature:{dark}", false),
        ]);
        let [user, flag] = &reality.declared[..] else { panic!("{reality:?}") };
        assert_eq!((user.keys, user.companions, user.other_versions, user.endless), (2, 2, 1, 0));
        assert_eq!((flag.keys, flag.endless), (1, 1));
        assert!(reality.is_well(), "an old version ends by itself, and a switch may stay");
    }

    #[test]
    fn endless_and_unknown_keys_are_found() {
        let endless = sorted(&[("cache:user:v2:{1}", false)]);
        assert_eq!(endless.endless, ["cache:user:v2:{1}"]);
        assert!(!endless.is_well());
        let unknown = sorted(&[("cache:usr:{1}", true), ("bull:mail:7", false), ("bull:mail:8", true)]);
        let names: Vec<_> = unknown.unknown.iter().map(|group| (group.name.as_str(), group.keys)).collect();
        assert_eq!(names, [("bull", 2), ("cache:usr", 1)]);
        assert!(!unknown.is_well());
    }

    #[test]
    fn groups_of_unknown_keys_are_bounded() {
        let names: Vec<_> = (0..1_000).map(|number| format!("g{number}:x")).collect();
        let names: Vec<_> = names.iter().map(|name| (name.as_str(), true)).collect();
        let reality = sorted(&names);
        assert_eq!(reality.unknown.len(), GROUPS + 1);
        assert_eq!(reality.unknown[0].name, "others");
    }
}
