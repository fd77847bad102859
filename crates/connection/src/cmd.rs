//! Commands and their arguments.

use std::fmt;

use bytes::Bytes;
use redstart_keys::{Key, Pattern};

/// One command with its arguments.
///
/// Keys are given as [`Key`]s, so that the prefix is added and sensitive ids never leave as they are.
///
/// ```
/// use redstart_connection::Cmd;
/// use redstart_keys::{Category, Entity, Ttl};
///
/// const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
/// let cmd = Cmd::new("SET").key(&USER.key(&42)).arg("Ada").arg("PX").arg(3_600_000);
/// assert_eq!(format!("{cmd:?}"), "Cmd(SET, 4 arguments)");
/// ```
#[derive(Clone)]
pub struct Cmd {
    name: &'static str,
    pub(crate) parts: Vec<Part>,
    pub(crate) args: Args,
}

#[derive(Clone)]
pub(crate) enum Part {
    Arg,
    Key(Key),
    Name(Bytes),
    Pattern(Pattern),
}

impl Cmd {
    /// A command by name; a name of two words gets the second as its first argument.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        // Room for what most commands get.
        Self { name, parts: Vec::with_capacity(6), args: Args::with_capacity(6, 64) }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl WriteArg) -> Self {
        self.args.push(&arg);
        self.parts.push(Part::Arg);
        self
    }

    /// Adds a key.
    #[must_use]
    pub fn key(mut self, key: &Key) -> Self {
        self.parts.push(Part::Key(key.clone()));
        self
    }

    /// Adds the name of a key as the server has it, such as a scan has told.
    #[must_use]
    pub fn name_on_server(mut self, name: impl Into<Bytes>) -> Self {
        self.parts.push(Part::Name(name.into()));
        self
    }

    /// Adds a pattern of keys.
    #[must_use]
    pub fn pattern(mut self, pattern: &Pattern) -> Self {
        self.parts.push(Part::Pattern(pattern.clone()));
        self
    }

    /// The command's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl fmt::Debug for Cmd {
    /// Shows the name alone, since any argument may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cmd({}, {} arguments)", self.name, self.parts.len())
    }
}

/// Arguments in one buffer.
#[derive(Clone, Default)]
pub(crate) struct Args {
    data: Vec<u8>,
    ends: Vec<usize>,
}

impl Args {
    fn with_capacity(count: usize, size: usize) -> Self {
        Self { data: Vec::with_capacity(size), ends: Vec::with_capacity(count) }
    }

    pub(crate) fn push(&mut self, arg: &impl WriteArg) {
        arg.write(&mut self.data);
        self.ends.push(self.data.len());
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let arg = &self.data[start..end];
            start = end;
            arg
        })
    }
}

/// What can be an argument of a command or a script.
pub trait WriteArg {
    /// Appends the argument's bytes.
    fn write(&self, out: &mut Vec<u8>);
}

macro_rules! write_as_bytes {
    ($($type:ty),*) => {$(
        impl WriteArg for $type {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(self.as_ref());
            }
        }
    )*};
}

macro_rules! write_unsigned {
    ($($type:ty),*) => {$(
        impl WriteArg for $type {
            fn write(&self, out: &mut Vec<u8>) {
                if 10 <= *self {
                    (*self / 10).write(out);
                }
                // The formatter of the standard library takes several times as long.
                out.push(b"0123456789"[usize::try_from(*self % 10).unwrap_or(0)]);
            }
        }
    )*};
}

macro_rules! write_signed {
    ($($type:ty),*) => {$(
        impl WriteArg for $type {
            fn write(&self, out: &mut Vec<u8>) {
                if *self < 0 {
                    out.push(b'-');
                }
                self.unsigned_abs().write(out);
            }
        }
    )*};
}

write_as_bytes!(str, String, [u8], Vec<u8>, Bytes);
write_unsigned!(u8, u16, u32, u64, usize);
write_signed!(i32, i64);

impl<T: WriteArg + ?Sized> WriteArg for &T {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
}

impl<const N: usize> WriteArg for [u8; N] {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}

#[cfg(test)]
mod tests;
