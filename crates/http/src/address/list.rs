//! The list of the trusted proxies' networks, and what can't stand in it.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};

use ipnet::{IpNet, Ipv4Net};

use super::TrustedProxies;

const LOOPBACK: &[&str] = &["127.0.0.0/8", "::1/128"];
const PRIVATE: &[&str] = &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

/// What no stranger on the Internet can have: a list need not name it to trust everybody.
const NO_STRANGERS: [&str; 9] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
];
/// What every stranger on the Internet has one of.
const STRANGERS: [&str; 2] = ["0.0.0.0/0", "2000::/3"];

/// A list of networks that can't be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidProxies(Vec<Problem>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Problem {
    Unknown(String),
    Everybody(String),
    /// They would together.
    AllTogether(String),
}

impl FromStr for TrustedProxies {
    type Err = InvalidProxies;

    /// Reads a list of networks, addresses and the words `loopback` and `private`, with commas between.
    ///
    /// # Errors
    ///
    /// Fails with everything that is none of these, and when one of the networks or all of them together
    /// hold every address that a client can have.
    fn from_str(list: &str) -> Result<Self, InvalidProxies> {
        let (mut networks, mut problems) = (Vec::new(), Vec::new());
        for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let entries = match entry {
                "loopback" => LOOPBACK,
                "private" => PRIVATE,
                _ => &[entry],
            };
            for text in entries {
                match network(text) {
                    Some(network) if holds_everybody(&[network]) => {
                        problems.push(Problem::Everybody(show(text)));
                    }
                    Some(network) => networks.push(network),
                    None => problems.push(Problem::Unknown(show(text))),
                }
            }
        }
        if holds_everybody(&networks) {
            problems.push(Problem::AllTogether(show(list.trim())));
        }
        if problems.is_empty() {
            Ok(Self { networks, ..Self::none() })
        } else {
            Err(InvalidProxies(problems))
        }
    }
}

/// Whether there is no address left for a client of IPv4, or none for one of IPv6.
fn holds_everybody(networks: &[IpNet]) -> bool {
    let known = NO_STRANGERS.iter().filter_map(|text| network(text));
    let union = IpNet::aggregate(&networks.iter().copied().chain(known).collect());
    STRANGERS
        .iter()
        .filter_map(|text| network(text))
        .any(|strangers| union.iter().any(|held| held.contains(&strangers)))
}

/// A network; one of IPv4 addresses mapped into IPv6 is the one that they stand for.
fn network(text: &str) -> Option<IpNet> {
    let parsed: Option<IpNet> = text.parse().ok();
    let parsed = parsed.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    let IpNet::V6(mapped) = parsed else { return Some(parsed) };
    let length = mapped.prefix_len().checked_sub(96);
    let address: Option<Ipv4Addr> = mapped.addr().to_ipv4_mapped();
    let unmapped = address.zip(length).and_then(|(address, length)| Ipv4Net::new(address, length).ok());
    Some(unmapped.map_or(parsed, IpNet::V4))
}

fn show(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

impl fmt::Display for InvalidProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("trusted proxies: ")?;
        for (nth, problem) in self.0.iter().enumerate() {
            if nth > 0 {
                f.write_str("; ")?;
            }
            match problem {
                Problem::Unknown(text) => {
                    write!(
                        f,
                        "'{text}' is no network like 10.0.0.0/8, no address, nor 'loopback' or 'private'"
                    )?;
                }
                Problem::Everybody(text) => write!(f, "'{text}' would trust everybody")?,
                Problem::AllTogether(text) => write!(
                    f,
                    "the networks of '{text}' together would trust everybody; name those of your proxies alone"
                )?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for InvalidProxies {}
