use std::{collections::HashSet, error, fmt};

use crate::{Category, Entity, Lifetime, Persistence};

/// The declarations of a service, listed.
///
/// ```
/// use redstart_keys::{Catalogue, Category, Entity, TextId, Ttl};
///
/// const USER: Entity<u64> =
///     Entity::new(Category::Cache, "user").ttl(Ttl::hours(1)).describe("Profile of a user.");
/// const FEATURE: Entity<TextId> =
///     Entity::new(Category::Flag, "feature").persistent().describe("Switch of a feature.");
///
/// let catalogue = Catalogue::new().with(&USER).with(&FEATURE);
/// assert_eq!(catalogue.check(), Ok(()));
/// assert_eq!(catalogue.rows()[0].pattern, "cache:user:{*}");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    rows: Vec<Declaration>,
}

/// One row of the catalogue: an [`Entity`] without the type of its id.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Declaration {
    /// The category.
    pub category: Category,
    /// The name: `user`.
    pub name: &'static str,
    /// What matches the keys of all ids, without the prefix.
    pub pattern: String,
    /// How long entries live.
    pub lifetime: Lifetime,
    /// What the server may do to entries.
    pub persistence: Persistence,
    /// The version of the stored form.
    pub version: u16,
    /// Whether ids leave the process only as a digest.
    pub sensitive: bool,
    /// Whether keys have no braces and values no header.
    pub plain: bool,
    /// The entities with whose values those of this one fall.
    pub falls_with: &'static [&'static str],
    /// What is stored, in a sentence.
    pub description: &'static str,
}

/// What is wrong with a catalogue.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CatalogueProblem {
    /// Two declarations have this category and name, so their patterns or keys overlap.
    Duplicate {
        /// The category of both.
        category: Category,
        /// The name of both.
        name: &'static str,
    },
    /// A declaration does not say what is stored.
    Undescribed {
        /// The category of the declaration.
        category: Category,
        /// The name of the declaration.
        name: &'static str,
    },
    /// A declaration falls with one that is not listed.
    UnknownOwner {
        /// The category of the declaration.
        category: Category,
        /// The name of the declaration.
        name: &'static str,
        /// The name that nothing of this category bears.
        owner: &'static str,
    },
}

impl Catalogue {
    /// Makes an empty catalogue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lists one more declaration.
    ///
    /// [`check`](Self::check) tells whether it may stand beside the others.
    #[must_use]
    pub fn with<I>(mut self, entity: &Entity<I>) -> Self {
        self.rows.push(Declaration {
            category: entity.category(),
            name: entity.name(),
            pattern: entity.pattern().to_string(),
            lifetime: entity.lifetime(),
            persistence: entity.persistence_class(),
            version: entity.schema_version(),
            sensitive: entity.is_sensitive(),
            plain: entity.is_plain(),
            falls_with: entity.owners(),
            description: entity.description(),
        });
        self
    }

    /// The declarations, in the order in which they were listed.
    #[must_use]
    pub fn rows(&self) -> &[Declaration] {
        &self.rows
    }

    /// Finds what is wrong; run it in a test or at the start of the service.
    ///
    /// # Errors
    ///
    /// Fails with every problem: names declared twice, declarations without a description,
    /// ones that fall with what is not declared.
    pub fn check(&self) -> Result<(), Vec<CatalogueProblem>> {
        let mut seen = HashSet::new();
        let mut problems = Vec::new();
        for &Declaration { category, name, description, falls_with, .. } in &self.rows {
            if !seen.insert((category, name)) {
                problems.push(CatalogueProblem::Duplicate { category, name });
            }
            if description.trim().is_empty() {
                problems.push(CatalogueProblem::Undescribed { category, name });
            }
            let is_declared =
                |owner: &str| self.rows.iter().any(|row| row.category == category && row.name == owner);
            problems.extend(
                falls_with
                    .iter()
                    .filter(|owner| !is_declared(owner))
                    .map(|owner| CatalogueProblem::UnknownOwner { category, name, owner }),
            );
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Renders the catalogue as a table in Markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut table =
            String::from("| key | pattern | TTL | class | description |\n| --- | --- | --- | --- | --- |\n");
        for row in &self.rows {
            table.push_str(&row.to_string());
            table.push('\n');
        }
        table
    }
}

/// A row of the table in Markdown.
impl fmt::Display for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            category,
            name,
            pattern,
            lifetime,
            persistence,
            version,
            sensitive,
            plain,
            falls_with,
            description,
        } = self;
        let ttl = match lifetime {
            Lifetime::Expires(ttl) => ttl.to_string(),
            Lifetime::Persistent => "none".to_owned(),
        };
        let version = if *version > 1 { format!(", version {version}") } else { String::new() };
        let sensitive = if *sensitive { ", sensitive" } else { "" };
        let plain = if *plain { ", plain" } else { "" };
        let owners = match falls_with {
            [] => String::new(),
            owners => format!(", falls with {}", owners.join(" and ")),
        };
        // A bar would end the cell and a line break the row.
        let description = description.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
        write!(
            f,
            "| `{category}:{name}` | `{pattern}` | {ttl} | {persistence}{plain}{sensitive}{version}{owners} | {description} |"
        )
    }
}

impl fmt::Display for CatalogueProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate { category, name } => write!(f, "{category}:{name} is declared twice"),
            Self::Undescribed { category, name } => write!(f, "{category}:{name} has no description"),
            Self::UnknownOwner { category, name, owner } => {
                write!(f, "{category}:{name} falls with {category}:{owner}, which is not declared")
            }
        }
    }
}

impl error::Error for CatalogueProblem {}

#[cfg(test)]
mod tests;
