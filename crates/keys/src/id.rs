use std::{
    fmt::{self, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::{digits::push_decimal, escape::push_escaped};

/// What tells one entry of a declaration from the others.
///
/// Writing cannot fail, and two different ids write two different texts; texts from outside
/// come as [`TextId`](crate::TextId), which has been checked.
/// A type of the service's own hands on to the id inside it:
///
/// ```
/// use redstart_keys::{Category, Entity, Id, IdWriter, Ttl};
///
/// struct UserId(u64);
///
/// impl Id for UserId {
///     fn write(&self, out: &mut IdWriter<'_>) {
///         self.0.write(out);
///     }
/// }
///
/// const USER: Entity<UserId> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
/// assert_eq!(USER.key(&UserId(42)).to_string(), "cache:user:{42}");
/// ```
///
/// Tuples write their parts one after the other, with a `|` between that is escaped inside a
/// part; an id that writes several parts always writes equally many.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand as an id in a key",
    note = "a text from outside is parsed first: `TextId::new(text)?`"
)]
pub trait Id {
    /// Writes the id.
    fn write(&self, out: &mut IdWriter<'_>);
}

/// Takes the text of an [`Id`] and escapes it on the way into the key.
///
/// It is a [`fmt::Write`], so `write!` works for whatever can be displayed.
pub struct IdWriter<'a> {
    out: &'a mut String,
}

impl<'a> IdWriter<'a> {
    pub(crate) fn new(out: &'a mut String) -> Self {
        Self { out }
    }

    /// Writes a text, escaped.
    pub fn text(&mut self, text: &str) {
        push_escaped(self.out, text);
    }

    /// Begins the next part of an id that has several.
    pub fn next_part(&mut self) {
        self.out.push('|');
    }
}

impl fmt::Write for IdWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text(text);
        Ok(())
    }
}

impl fmt::Debug for IdWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The id may be personal data, and the writer does not know.
        f.write_str("IdWriter(***)")
    }
}

impl<T: Id + ?Sized> Id for &T {
    fn write(&self, out: &mut IdWriter<'_>) {
        (**self).write(out);
    }
}

macro_rules! unsigned {
    ($($number:ty)*) => {$(
        impl Id for $number {
            fn write(&self, out: &mut IdWriter<'_>) {
                match u64::try_from(*self) {
                    Ok(number) => push_decimal(out.out, number),
                    Err(_) => display(self, out),
                }
            }
        }
    )*};
}

macro_rules! signed {
    ($($number:ty)*) => {$(
        impl Id for $number {
            fn write(&self, out: &mut IdWriter<'_>) {
                if *self < 0 {
                    out.out.push('-');
                }
                self.unsigned_abs().write(out);
            }
        }
    )*};
}

unsigned! { u8 u16 u32 u64 u128 usize }
signed! { i8 i16 i32 i64 i128 isize }

impl Id for bool {
    fn write(&self, out: &mut IdWriter<'_>) {
        out.text(if *self { "true" } else { "false" });
    }
}

impl Id for char {
    fn write(&self, out: &mut IdWriter<'_>) {
        out.text(self.encode_utf8(&mut [0; 4]));
    }
}

impl Id for IpAddr {
    fn write(&self, out: &mut IdWriter<'_>) {
        display(self, out);
    }
}

impl Id for Ipv4Addr {
    fn write(&self, out: &mut IdWriter<'_>) {
        display(self, out);
    }
}

impl Id for Ipv6Addr {
    fn write(&self, out: &mut IdWriter<'_>) {
        display(self, out);
    }
}

/// The bytes of a UUID: 32 lower-case hexadecimal digits.
impl Id for [u8; 16] {
    fn write(&self, out: &mut IdWriter<'_>) {
        push_hex(self, |digit| out.out.push(char::from(digit)));
    }
}

impl<A: Id, B: Id> Id for (A, B) {
    fn write(&self, out: &mut IdWriter<'_>) {
        let (a, b) = self;
        a.write(out);
        out.next_part();
        b.write(out);
    }
}

impl<A: Id, B: Id, C: Id> Id for (A, B, C) {
    fn write(&self, out: &mut IdWriter<'_>) {
        let (a, b, c) = self;
        a.write(out);
        out.next_part();
        b.write(out);
        out.next_part();
        c.write(out);
    }
}

/// Gives the lower-case hexadecimal digits of some bytes, one by one.
pub(crate) fn push_hex(bytes: &[u8], mut push: impl FnMut(u8)) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        push(HEX[usize::from(byte >> 4)]);
        push(HEX[usize::from(byte & 15)]);
    }
}

fn display(value: &impl fmt::Display, out: &mut IdWriter<'_>) {
    // Neither the writer nor numbers and addresses ever fail.
    write!(out, "{value}").unwrap_or_default();
}

#[cfg(test)]
mod tests;
