//! The declarations of a service, from its catalogue.

use std::{fs, path::Path};

use redstart_keys::{Category, Declaration, Lifetime};

use crate::Failure;

/// What a service declares of some of its keys.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Declared {
    /// The category.
    pub category: Category,
    /// The name.
    pub name: String,
    /// How long entries live, for people; none for those that stay.
    pub ttl: Option<String>,
    /// The version of the stored form.
    pub version: u16,
}

impl From<&Declaration> for Declared {
    fn from(declaration: &Declaration) -> Self {
        let ttl = match declaration.lifetime {
            Lifetime::Expires(ttl) => Some(ttl.to_string()),
            Lifetime::Persistent => None,
        };
        let (category, version) = (declaration.category, declaration.version);
        Self { category, name: declaration.name.to_owned(), ttl, version }
    }
}

impl Declared {
    /// Reads a catalogue as [`Catalogue::to_markdown`](redstart_keys::Catalogue::to_markdown) writes it.
    ///
    /// ```
    /// use redstart_cli::keys::Declared;
    ///
    /// let page = "| `cache:user` | `cache:user:v2:{*}` | 1h | evictable, version 2 | Profile. |";
    /// let declared = Declared::parse(page)?;
    /// assert_eq!((declared[0].name.as_str(), declared[0].version), ("user", 2));
    /// # Ok::<(), redstart_cli::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails when there is no row, or one makes no sense.
    pub fn parse(markdown: &str) -> Result<Vec<Self>, Failure> {
        let rows = markdown.lines().enumerate().filter(|(_, line)| line.starts_with("| `"));
        let declared: Vec<_> = rows
            .map(|(number, line)| {
                Self::of_row(line).ok_or_else(|| {
                    Failure::usage(format!("line {} of the catalogue is no declaration: {line}", number + 1))
                })
            })
            .collect::<Result<_, _>>()?;
        if declared.is_empty() {
            return Err(Failure::usage("the catalogue has no row that begins with | `category:name` |")
                .with_remedy("write it with Catalogue::to_markdown, as docs/reference/keys.md is"));
        }
        Ok(declared)
    }

    /// Reads the catalogue of a file.
    pub(super) fn read(path: &Path) -> Result<Vec<Self>, Failure> {
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("--catalogue {}: {error}", path.display())))?;
        Self::parse(&text)
    }

    fn of_row(line: &str) -> Option<Self> {
        let mut cells = line.split('|').skip(1).map(str::trim);
        let (category, name) = cells.next()?.trim_matches('`').split_once(':')?;
        let ttl = Some(cells.nth(1)?).filter(|ttl| *ttl != "none").map(str::to_owned);
        let version = cells.next()?.split(", ").find_map(|word| word.strip_prefix("version "));
        let version = version.map_or(Some(1), |version| version.parse().ok())?;
        Some(Self { category: Category::from_name(category)?, name: name.to_owned(), ttl, version })
    }
}

#[cfg(test)]
mod tests {
    use redstart_keys::{Catalogue, Entity, TextId, Ttl};

    use super::*;

    #[test]
    fn catalogue_is_read_as_it_is_written() {
        const USER: Entity<u64> =
            Entity::new(Category::Cache, "user").ttl(Ttl::hours(1)).version(3).describe("A | in a text.");
        const FLAG: Entity<TextId> =
            Entity::new(Category::Flag, "feature").persistent().describe("A switch.");
        let catalogue = Catalogue::new().with(&USER).with(&FLAG);
        let read = Declared::parse(&catalogue.to_markdown()).unwrap();
        assert_eq!(read, catalogue.rows().iter().map(Declared::from).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_no_catalogue_is_refused() {
        for wrong in ["", "# Keys", "| `cash:user` | `x` | 1h | evictable | y |", "| `cache:user` |"] {
            assert!(Declared::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
