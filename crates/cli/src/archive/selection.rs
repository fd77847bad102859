//! Which keys are meant.

use redstart_keys::{Category, Pattern, Prefix, is_valid_name};

use super::Name;
use crate::Failure;

/// Which keys of a store or a backup.
#[derive(Clone, Debug, Default, clap::Args)]
#[non_exhaustive]
pub struct Selection {
    /// Only this category or declaration, such as cache or cache:user; may be given several times.
    #[arg(long = "namespace", short = 'n', value_name = "NAME")]
    pub namespaces: Vec<String>,
    /// Only keys that match this glob, without the prefix; may be given several times.
    #[arg(long = "pattern", value_name = "GLOB")]
    pub patterns: Vec<String>,
    /// Locks too: what was held then would be held again, and fences could go back.
    #[arg(long)]
    pub with_locks: bool,
}

/// A selection that makes sense.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    patterns: Vec<Pattern>,
    has_locks: bool,
}

impl Selection {
    /// Understands what was said; nothing said means everything but locks.
    ///
    /// # Errors
    ///
    /// Fails when a namespace is none, or a pattern makes no sense.
    pub(crate) fn choose(&self) -> Result<Chosen, Failure> {
        let Self { namespaces, patterns, with_locks } = self;
        let mut chosen = Vec::new();
        for namespace in namespaces {
            // The companions of plain keys have a brace before the category.
            for begin in ["", "{"] {
                chosen.push(parse(&format!("{begin}{}:*", named(namespace)?))?);
            }
        }
        for pattern in patterns {
            chosen.push(parse(pattern)?);
        }
        if chosen.is_empty() {
            chosen = vec![Pattern::all(), parse("{*")?];
        }
        let names_locks = namespaces.iter().any(|name| name.split(':').next() == Some(Category::Lock.name()));
        Ok(Chosen { patterns: chosen, has_locks: *with_locks || names_locks })
    }
}

impl Chosen {
    /// What a backup's header remembers.
    ///
    /// # Errors
    ///
    /// Fails when a pattern makes no sense.
    pub(crate) fn remembered(patterns: &[String], left_out: &[String]) -> Result<Self, Failure> {
        let patterns = patterns.iter().map(|pattern| parse(pattern)).collect::<Result<_, _>>()?;
        Ok(Self { patterns, has_locks: left_out.is_empty() })
    }

    /// What is asked of the server, one walk each.
    pub(crate) fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// The categories that are left out, by name.
    pub(crate) fn left_out(&self) -> Vec<String> {
        if self.has_locks { Vec::new() } else { vec![Category::Lock.name().to_owned()] }
    }

    /// Whether a key that some pattern matches is taken.
    pub(crate) fn keeps(&self, name: &Name) -> bool {
        self.has_locks || name.category() != Some(Category::Lock)
    }

    /// Whether no pattern before this one meets the key on a server as well, so that it is taken now.
    pub(crate) fn is_first(&self, pattern: usize, name: &Name, prefix: &Prefix) -> bool {
        let plain = name.plain();
        // Under a prefix a brace at the front stands before it, where only a pattern with a brace finds it.
        let finds = |pattern: &Pattern| {
            let is_open = prefix.is_empty() || !name.is_braced() || pattern.to_string().starts_with('{');
            is_open && pattern.matches(&plain)
        };
        !self.patterns.iter().take(pattern).any(finds)
    }

    /// Whether a key is taken.
    pub(crate) fn takes(&self, name: &Name) -> bool {
        let plain = name.plain();
        self.keeps(name) && self.patterns.iter().any(|pattern| pattern.matches(&plain))
    }
}

/// The namespace, if there can be one of that name.
fn named(namespace: &str) -> Result<&str, Failure> {
    let (category, name) = match namespace.split_once(':') {
        Some((category, name)) => (category, Some(name)),
        None => (namespace, None),
    };
    let is_right = Category::from_name(category).is_some() && name.is_none_or(is_valid_name);
    if is_right {
        return Ok(namespace);
    }
    let categories: Vec<_> = Category::ALL.iter().map(|category| category.name()).collect();
    Err(Failure::usage(format!("--namespace {namespace} is no category and no declaration")).with_remedy(
        format!(
            "name a category ({}), or one of its declarations such as cache:user; other keys by --pattern",
            categories.join(", ")
        ),
    ))
}

fn parse(pattern: &str) -> Result<Pattern, Failure> {
    Pattern::parse(pattern).map_err(|problem| Failure::usage(format!("--pattern {pattern}: {problem}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(namespaces: &[&str], patterns: &[&str], name: &str) -> bool {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let selection =
            Selection { namespaces: owned(namespaces), patterns: owned(patterns), with_locks: false };
        selection.choose().unwrap().takes(&Name::of(&Prefix::none(), name.as_bytes()).unwrap())
    }

    #[test]
    fn selection_takes_what_it_says() {
        assert!(chosen(&[], &[], "cache:user:{1}"));
        assert!(chosen(&[], &[], "bull:email:7"));
        assert!(!chosen(&[], &[], "lock:payout:{1}"), "locks are taken only when they are named");
        assert!(chosen(&["lock"], &[], "lock:payout:{1}"));
        assert!(chosen(&["cache:user"], &[], "cache:user:{1}:g"));
        assert!(chosen(&["cache:user"], &[], "{cache:user:1}:g"), "companions of plain keys belong to them");
        assert!(!chosen(&["cache:user"], &[], "cache:users:{1}"));
        assert!(chosen(&[], &["cache:*:{94???}"], "cache:postcode:{94110}"));
        assert!(!chosen(&[], &["cache:*:{94???}"], "cache:postcode:{2000}"));
    }

    #[test]
    fn key_that_two_patterns_meet_is_taken_once() {
        let all = Selection::default().choose().unwrap();
        let taken = |prefix: &Prefix, wire: &[u8]| {
            let name = Name::of(prefix, wire).unwrap();
            // Which walks meet it: without a prefix both, with one that whose brace stands where the name's does.
            let meets = |nth: usize| prefix.is_empty() && nth == 0 || (nth == 1) == name.is_braced();
            (0..2).filter(|nth| meets(*nth) && all.is_first(*nth, &name, prefix)).count()
        };
        let prod = Prefix::new("prod").unwrap();
        for name in ["cache:user:{1}", "{cache:page:7}:g", "{other}"] {
            assert_eq!(taken(&Prefix::none(), name.as_bytes()), 1, "{name}");
        }
        assert_eq!(taken(&prod, b"prod:cache:user:{1}"), 1);
        assert_eq!(taken(&prod, b"{prod:cache:page:7}:g"), 1);
    }

    #[test]
    fn wrong_namespace_names_the_right_ones() {
        for wrong in ["cash", "cache:", "cache:User", "cache:user:7", ""] {
            let selection = Selection { namespaces: vec![wrong.to_owned()], ..Selection::default() };
            let failure = selection.choose().unwrap_err();
            assert!(failure.remedy().unwrap().contains("ratelimit"), "{wrong}: {failure}");
        }
    }
}
