//! The connections of this process to given ports, as the kernel lists them.

use std::{
    collections::HashSet,
    fs,
    net::{Ipv4Addr, SocketAddr},
};

/// The state of an established connection in the kernel's list.
const ESTABLISHED: &str = "01";

/// Our ends of the established connections to one of `ports`.
///
/// Other processes' connections to the same ports, such as replicas', are not among them.
pub(crate) fn to(ports: &HashSet<u16>) -> Vec<SocketAddr> {
    let own = own_sockets();
    let list = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    list.lines().skip(1).filter_map(|line| connection(line, ports, &own)).collect()
}

/// Reads `0: 0100007F:1F90 0100007F:A2B4 01 … inode …`.
fn connection(line: &str, ports: &HashSet<u16>, own: &HashSet<String>) -> Option<SocketAddr> {
    let mut words = line.split_whitespace().skip(1);
    let (local, remote, state) = (port(words.next()?)?, port(words.next()?)?, words.next()?);
    let inode = words.nth(5)?;
    let is_one = state == ESTABLISHED && ports.contains(&remote) && own.contains(inode);
    is_one.then(|| (Ipv4Addr::LOCALHOST, local).into())
}

fn port(address: &str) -> Option<u16> {
    u16::from_str_radix(address.split_once(':')?.1, 16).ok()
}

/// The inodes of the sockets that this process has open.
fn own_sockets() -> HashSet<String> {
    let Ok(open) = fs::read_dir("/proc/self/fd") else { return HashSet::new() };
    let links = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    links
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect()
}
