//! What the names of all declarations promise together.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use crate::{
    Category, DigestKey, Entity, Id, IdWriter, Key, Prefix, TextId, Ttl, glob, key::Tag, scope::Scope,
};

const NAMES: [&str; 6] = ["user", "cache", "v", "v-2", "v2", "2"];
const PREFIXES: [&str; 6] = ["", "x", "x:cache", "x:cache:user", "cache", "cache:"];
/// Parts of ids that would collide if anything in them were not escaped.
const PARTS: [&str; 12] = ["", "a", "|", "a|a", ":", "v2:a", "#t", "#t:{a}", "{a}", "%", "%7C", "%3A"];
const SUFFIXES: [&str; 4] = ["g", "h", "g:h", "v2"];

/// An id of any number of parts, to provoke what tuples of fixed length cannot.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Parts(Vec<String>);

impl Id for Parts {
    fn write(&self, out: &mut IdWriter<'_>) {
        for (at, part) in self.0.iter().enumerate() {
            if at > 0 {
                out.next_part();
            }
            out.text(part);
        }
    }
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Kind {
    Entry { version: u16, plain: bool, sensitive: bool, id: Parts },
    Namespace { part: &'static str },
    NamespaceId { part: &'static str, id: Parts },
}

impl Kind {
    fn with_version_of(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Entry { plain, sensitive, id, .. }, &Self::Entry { version, .. }) => {
                Self::Entry { version, plain: *plain, sensitive: *sensitive, id: id.clone() }
            }
            _ => self.clone(),
        }
    }
}

/// Everything that decides a name.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Spec {
    prefix: &'static str,
    category: Category,
    name: &'static str,
    kind: Kind,
    suffixes: Vec<&'static str>,
}

impl Spec {
    fn key(&self) -> Key {
        let Self { category, name, .. } = *self;
        let key = match &self.kind {
            Kind::Entry { version, plain, sensitive, id } => {
                let tag = if *plain { Tag::Name } else { Tag::Id };
                Key::build(
                    String::new(),
                    Scope { version: *version, ..Scope::new(category, name) },
                    tag,
                    *sensitive,
                    id,
                )
            }
            Kind::Namespace { part } => Key::namespace(category, name, part),
            Kind::NamespaceId { part, id } => Key::namespace_id(category, name, part, id),
        };
        self.suffixes.iter().fold(key, |key, suffix| key.companion(suffix))
    }

    fn wire(&self) -> Vec<u8> {
        wire(&self.key(), self.prefix)
    }
}

fn wire(key: &Key, prefix: &str) -> Vec<u8> {
    let mut out = Vec::new();
    key.render(&Prefix::new(prefix).unwrap(), &DigestKey::new(b"pepper"), &mut out);
    out
}

fn kind() -> impl Strategy<Value = Kind> {
    let part = prop::sample::select(&["t", "t:{a}", "seq"][..]);
    let id = prop_oneof![
        3 => prop::collection::vec(prop::sample::select(&PARTS[..]).prop_map_into(), 1..4),
        1 => prop::collection::vec(".{0,3}", 1..3),
    ]
    .prop_map(Parts);
    prop_oneof![
        4 => (1..4_u16, any::<bool>(), prop::bool::weighted(0.2), id.clone())
            .prop_map(|(version, plain, sensitive, id)| Kind::Entry { version, plain, sensitive, id }),
        1 => part.clone().prop_map(|part| Kind::Namespace { part }),
        1 => (part, id).prop_map(|(part, id)| Kind::NamespaceId { part, id }),
    ]
}

fn spec() -> impl Strategy<Value = Spec> {
    let prefix = prop::sample::select(&PREFIXES[..]);
    let category = prop::sample::select(&[Category::Cache, Category::Lock][..]);
    let name = prop::sample::select(&NAMES[..]);
    let suffixes = prop::collection::vec(prop::sample::select(&SUFFIXES[..]), 0..3);
    (prefix, category, name, kind(), suffixes).prop_map(|(prefix, category, name, kind, suffixes)| Spec {
        // One trailing colon does not count, and nothing else may be lost.
        prefix: prefix.strip_suffix(':').unwrap_or(prefix),
        category,
        name,
        kind,
        suffixes,
    })
}

/// Neighbours of one another: each differs from the first in one respect, as what collides does.
fn neighbours() -> impl Strategy<Value = HashSet<Spec>> {
    (spec(), prop::collection::vec((spec(), 0..4), 1..80)).prop_map(|(base, others)| {
        let changed = others.into_iter().map(|(other, respect)| match respect {
            0 => Spec { kind: other.kind, ..base.clone() },
            1 => Spec { suffixes: other.suffixes, ..base.clone() },
            2 => Spec {
                kind: base.kind.with_version_of(&other.kind),
                suffixes: base.suffixes.clone(),
                ..other
            },
            _ => other,
        });
        changed.chain([base.clone()]).collect()
    })
}

fn text_id() -> impl Strategy<Value = TextId> {
    prop_oneof!["[a%:*?{}|#^\\[\\]\\\\2é-]{1,5}", "\\PC{1,20}"]
        .prop_filter_map("no id", |text| TextId::new(text).ok())
}

fn city(version: u16, plain: bool) -> Entity<TextId> {
    let entity = Entity::new(Category::Cache, "city").ttl(Ttl::days(1)).version(version);
    if plain { entity.plain() } else { entity }
}

proptest! {
    #[test]
    fn no_two_keys_share_a_name(specs in neighbours()) {
        let mut seen = HashMap::new();
        for spec in &specs {
            if let Some(other) = seen.insert(spec.wire(), spec) {
                let name = String::from_utf8_lossy(&spec.wire()).into_owned();
                prop_assert!(false, "{name} is the name of {spec:?} and of {other:?}");
            }
        }
    }

    #[test]
    fn keys_are_equal_when_their_names_are(specs in neighbours()) {
        let keys: HashSet<_> = specs.iter().map(Spec::key).collect();
        let names: HashSet<_> = specs.iter().map(|spec| wire(&spec.key(), "")).collect();
        prop_assert_eq!(keys.len(), names.len());
        prop_assert!(specs.iter().all(|spec| keys.contains(&spec.key())));
    }

    #[test]
    fn what_is_shown_is_what_is_sent_unless_it_is_sensitive(spec in spec()) {
        let key = spec.key();
        if !key.is_sensitive() {
            prop_assert_eq!(key.to_string().into_bytes(), wire(&key, ""));
        }
    }

    #[test]
    fn pattern_matches_ids_that_begin_with_the_text_and_no_others(
        id in text_id(),
        start in "[a%:*?{}|#^\\[\\]\\\\2é-]{0,2}",
        version in 1..3_u16,
        plain: bool,
    ) {
        let entity = city(version, plain);
        let pattern = entity.pattern_starting(&start);
        let matched = pattern.matches(&wire(&entity.key(&id), ""));
        prop_assert_eq!(matched, id.as_str().starts_with(&start));
    }

    #[test]
    fn no_id_widens_a_pattern(first in text_id(), other in text_id(), rest: u32) {
        let entity: Entity<(TextId, u32)> = Entity::new(Category::Cache, "part").ttl(Ttl::days(1));
        let within = entity.pattern_within(&first);
        prop_assert!(within.matches(&wire(&entity.key(&(first.clone(), rest)), "")));
        let matched = within.matches(&wire(&entity.key(&(other.clone(), rest)), ""));
        prop_assert_eq!(matched, first == other);
    }

    #[test]
    fn pattern_of_a_declaration_matches_its_entries_only(spec in spec(), version in 1..3_u16) {
        let pattern = Entity::<u64>::new(Category::Cache, "user").ttl(Ttl::days(1)).version(version).pattern();
        let is_entry = matches!(spec.kind, Kind::Entry { version: own, plain: false, .. } if own == version);
        let own = is_entry && spec.suffixes.is_empty() && (spec.category, spec.name) == (Category::Cache, "user");
        prop_assert_eq!(pattern.matches(&wire(&spec.key(), "")), own);
    }

    #[test]
    fn server_matches_with_the_prefix_what_memory_matches_without(
        id in text_id(),
        other in text_id(),
        plain: bool,
        suffix in prop::sample::select(&SUFFIXES[..]),
    ) {
        let prefix = Prefix::new("prod:a.b_c-d").unwrap();
        let entity = city(1, plain);
        let pattern = entity.pattern_starting(id.as_str());
        for pattern in [entity.pattern(), pattern.companions(suffix), pattern] {
            for key in [entity.key(&id), entity.key(&other), entity.key(&other).companion(suffix)] {
                let mut asked = Vec::new();
                pattern.render(&prefix, &mut asked);
                let name = wire(&key, prefix.as_str());
                let stripped = prefix.strip(&name).unwrap();
                prop_assert_eq!(&*stripped, wire(&key, ""));
                prop_assert_eq!(pattern.matches(&stripped), glob::matches(&asked, &name));
            }
        }
    }

    #[test]
    fn ids_are_read_back_from_their_names(id in text_id(), version in 1..3_u16, plain: bool) {
        let entity = city(version, plain);
        prop_assert_eq!(entity.parse_id(&wire(&entity.key(&id), "")), Some(id));
    }

    #[test]
    fn sensitive_id_appears_nowhere(id in "[g-z:@]{6,40}", plain: bool) {
        let entity = city(1, plain).sensitive();
        let key = entity.key(&TextId::new(&id).unwrap());
        for key in [key.companion("g"), key] {
            let shown = format!("{key} {key:?} {}", String::from_utf8_lossy(&wire(&key, "prod")));
            let parts = id.split([':', '@']).filter(|part| part.len() > 2);
            for part in parts.filter(|part| !"prod:cache:city".contains(part)) {
                prop_assert!(!shown.contains(part), "{shown} shows {part}");
            }
        }
    }
}
