//! The hops of a forwarding header, from the right.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue, header::FORWARDED};

/// More proxies than this nobody has.
const MAX_HOPS: usize = 32;
/// Beyond so many bytes nothing is read.
const MAX_BYTES: usize = 4 * 1024;

/// The hops of one header, over all its lines, the last one first.
///
/// What can't be read is none. The right end is written by our own proxies and the left end by
/// anybody, so it is read lazily from the right: no junk on the left can spoil or slow it.
pub(super) struct Hops<'a> {
    lines: Vec<&'a [u8]>,
    rest: Option<&'a [u8]>,
    read: fn(&[u8]) -> Option<IpAddr>,
    hops: usize,
    bytes: usize,
}

impl<'a> Hops<'a> {
    pub(super) fn new(headers: &'a HeaderMap, name: &HeaderName) -> Self {
        let mut lines: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        let rest = lines.pop();
        let read = if *name == FORWARDED { read_element } else { read_address };
        Self { lines, rest, read, hops: 0, bytes: 0 }
    }
}

impl Iterator for Hops<'_> {
    type Item = Option<IpAddr>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = self.rest?;
            let (before, last) = split_last(line);
            self.rest = before.or_else(|| self.lines.pop());
            self.bytes = self.bytes.saturating_add(last.len());
            self.hops += 1;
            if self.hops > MAX_HOPS || self.bytes > MAX_BYTES {
                self.rest = None;
                return None;
            }
            let element = last.trim_ascii();
            // Lists may have empty elements.
            if !element.is_empty() {
                return Some((self.read)(element));
            }
        }
    }
}

/// Parts a line at its last comma outside of quotes.
///
/// Seen from the right a quote that an attacker opened on the left is never reached, while one that
/// is read from the left would swallow what our proxy wrote.
fn split_last(line: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let mut quoted = false;
    for (at, byte) in line.iter().enumerate().rev() {
        match byte {
            b'"' if !is_escaped(line, at) => quoted = !quoted,
            b',' if !quoted => return (Some(&line[..at]), &line[at + 1..]),
            _ => {}
        }
    }
    (None, line)
}

fn is_escaped(line: &[u8], at: usize) -> bool {
    line[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Reads `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1`, `[2001:db8::1]` and `[2001:db8::1]:80`.
fn read_address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bracketed =
        || text.strip_prefix('[')?.strip_suffix(']')?.parse::<std::net::Ipv6Addr>().ok().map(IpAddr::V6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let address = text.parse::<IpAddr>().ok().or_else(with_port).or_else(bracketed)?;
    Some(address.to_canonical())
}

/// Reads the `for` of one element of `Forwarded`, such as `for="[2001:db8::1]:80";proto=https`.
///
/// An element without it, or with `unknown` or a made-up name in it, names no address.
fn read_element(element: &[u8]) -> Option<IpAddr> {
    let mut fields = element.split(|byte| *byte == b';').filter_map(|field| {
        let at = field.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (field[..at].trim_ascii(), field[at + 1..].trim_ascii());
        name.eq_ignore_ascii_case(b"for").then_some(value)
    });
    let (value, None) = (fields.next()?, fields.next()) else { return None };
    let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    read_address(unquoted.unwrap_or(value))
}
