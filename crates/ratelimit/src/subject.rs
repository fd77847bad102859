//! Subjects: who or what is limited.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use redstart_keys::{Id, IdWriter};

/// A text longer than this shares its limit with all texts that begin alike.
const LONGEST: usize = 256;

/// Whom a limit is counted for: a user, an address, a tenant.
///
/// An IPv6 address stands for its /64, since that is what one customer gets; an IPv4 address mapped
/// into IPv6 is the IPv4 address. Any text will do: it is escaped, and one of more than 256 bytes is
/// counted together with those that begin alike, so that nobody makes keys of any length.
///
/// ```
/// use redstart_ratelimit::Subject;
/// use std::net::IpAddr;
///
/// let home: IpAddr = "2001:db8:1:2:aaaa::1".parse()?;
/// let same_home: IpAddr = "2001:db8:1:2:bbbb::2".parse()?;
/// assert_eq!(Subject::from(home), Subject::from(same_home));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Subject(Kind);

#[derive(Clone, Eq, Hash, PartialEq)]
enum Kind {
    Text(Box<str>),
    /// The beginning of a text that was too long.
    Beginning(Box<str>),
    Number(u64),
    Address(IpAddr),
}

impl Id for Subject {
    fn write(&self, out: &mut IdWriter<'_>) {
        match &self.0 {
            Kind::Text(text) => out.text(text),
            Kind::Beginning(text) => {
                out.text(text);
                // No text writes a part of its own, so none of proper length is counted with these.
                out.next_part();
            }
            Kind::Number(number) => number.write(out),
            Kind::Address(address) => address.write(out),
        }
    }
}

impl From<&str> for Subject {
    fn from(text: &str) -> Self {
        if text.len() <= LONGEST {
            return Self(Kind::Text(text.into()));
        }
        let end = (0..=LONGEST).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        Self(Kind::Beginning(text[..end].into()))
    }
}

impl From<String> for Subject {
    fn from(text: String) -> Self {
        if text.len() <= LONGEST { Self(Kind::Text(text.into())) } else { text.as_str().into() }
    }
}

impl From<u64> for Subject {
    fn from(number: u64) -> Self {
        Self(Kind::Number(number))
    }
}

impl From<IpAddr> for Subject {
    fn from(address: IpAddr) -> Self {
        Self(Kind::Address(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
            address @ IpAddr::V4(_) => address,
        }))
    }
}

impl fmt::Debug for Subject {
    /// Shows nothing of it, since only the policy knows whether it is personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject(***)")
    }
}
