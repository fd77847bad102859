//! Typed keys and lifetimes for Redis: declared once, escaped, versioned, listed.
//!
//! A service declares what it stores as constants.
//! A declaration fixes the category, the name, the type of the id and the lifetime, so that
//! no key is spelled by hand and none is written without a TTL by accident:
//!
//! ```
//! use redstart_keys::{Category, DigestKey, Entity, Prefix, Ttl};
//!
//! const USER: Entity<u64> =
//!     Entity::new(Category::Cache, "user").ttl(Ttl::hours(1)).describe("Profile of a user.");
//!
//! let mut name = Vec::new();
//! USER.key(&42).render(&Prefix::new("prod:ecom")?, &DigestKey::new(b"pepper"), &mut name);
//! assert_eq!(name, b"prod:ecom:cache:user:{42}");
//! # Ok::<(), redstart_keys::InvalidPrefix>(())
//! ```
//!
//! # What the names promise
//!
//! - Two different ids, declarations, versions or prefixes never share a name: ids are
//!   escaped, and what separates the parts of a name cannot occur inside a part.
//! - An id never widens a [`Pattern`]: glob characters in ids are escaped too.
//! - The id stands in braces, so that a key and its [companions](Key::companion) share a
//!   cluster slot.
//! - A [sensitive](Entity::sensitive) id reaches the server as a keyed digest and is never printed.
//! - Raising the [version](Entity::version) of a declaration makes its old entries invisible.
//!
//! The crate does no IO and reads no clock.

mod catalogue;
mod category;
mod digest;
mod digits;
mod entity;
mod escape;
mod glob;
mod id;
mod key;
mod pattern;
mod prefix;
mod scope;
mod text_id;
mod ttl;

#[cfg(test)]
mod tests;

pub use crate::{
    catalogue::{Catalogue, CatalogueProblem, Declaration},
    category::Category,
    digest::DigestKey,
    entity::{Entity, Undated},
    escape::{escape, unescape},
    id::{Id, IdWriter},
    key::Key,
    pattern::{InvalidPattern, Pattern},
    prefix::{InvalidPrefix, Prefix},
    scope::is_valid_name,
    text_id::{InvalidId, TextId},
    ttl::{Lifetime, Persistence, Ttl},
};
