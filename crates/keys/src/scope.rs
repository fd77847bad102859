use crate::{
    Category,
    digits::push_decimal,
    escape::{push_code, push_escaped},
};

/// The part of a key's name that its declaration fixes: `cache:user:` or `cache:user:v2:`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Scope {
    pub(crate) category: Category,
    pub(crate) name: &'static str,
    /// 1 is not written, so that a declaration without a version has a plain name.
    pub(crate) version: u16,
    /// Whether the name is known to need no escape: keys are built on the hot path.
    pub(crate) is_valid: bool,
}

impl Scope {
    pub(crate) fn new(category: Category, name: &'static str) -> Self {
        Self { category, name, version: 1, is_valid: is_valid_name(name) }
    }

    /// Appends the segments, each with its colon.
    #[inline(always)]
    pub(crate) fn push_to(&self, out: &mut String) {
        let Self { category, name, version, is_valid } = *self;
        out.push_str(category.name());
        out.push(':');
        if is_valid {
            out.push_str(name);
        } else {
            push_name(out, name);
        }
        out.push(':');
        if version > 1 {
            out.push('v');
            push_decimal(out, version.into());
            out.push(':');
        }
    }

    /// Takes the segments off the front of a name.
    pub(crate) fn strip<'a>(&self, name: &'a [u8]) -> Option<&'a [u8]> {
        let rest = name.strip_prefix(self.category.name().as_bytes())?.strip_prefix(b":")?;
        let rest = rest.strip_prefix(self.name.as_bytes())?.strip_prefix(b":")?;
        if self.version <= 1 {
            return Some(rest);
        }
        let mut version = String::new();
        push_decimal(&mut version, self.version.into());
        rest.strip_prefix(b"v")?.strip_prefix(version.as_bytes())?.strip_prefix(b":")
    }
}

/// Tells whether a declaration may have this name: 1 to 48 of `a-z`, `0-9` and `-`.
///
/// What looks like a version (`v2`) is no name: `cache:v2:{7}` would have two readings.
#[must_use]
pub const fn is_valid_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'-') {
            return false;
        }
        at += 1;
    }
    !bytes.is_empty() && bytes.len() <= 48 && !looks_like_version(bytes)
}

const fn looks_like_version(name: &[u8]) -> bool {
    if name.len() < 2 || name[0] != b'v' {
        return false;
    }
    let mut at = 1;
    while at < name.len() {
        if !name[at].is_ascii_digit() {
            return false;
        }
        at += 1;
    }
    true
}

/// Appends a name, escaped if [`is_valid_name`] refuses it, so that it collides with none.
fn push_name(out: &mut String, name: &'static str) {
    if looks_like_version(name.as_bytes()) {
        push_code(out, b'v');
        push_escaped(out, &name[1..]);
    } else {
        push_escaped(out, name);
    }
}

#[cfg(test)]
mod tests;
