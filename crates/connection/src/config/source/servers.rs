//! Which servers there are, by the mode or by what is set.

use secrecy::{ExposeSecret, SecretString};

use super::reader::Reader;
use crate::config::{
    Address, Config, Mode, Problem, address,
    problem::shown,
    rest,
    url::{DEFAULT_PORT, Located},
};

const MODES: &str = "`standalone`, `sentinel`, `cluster`, `rest` or `memory`";

/// Where the servers are, as far as one source says it, or several together.
#[derive(Default)]
pub(super) struct Servers {
    mode: Option<Mode>,
    /// That of the URL.
    address: Option<Address>,
    host: Option<String>,
    port: Option<u16>,
    nodes: Option<Vec<String>>,
    master: Option<String>,
    rest_url: Option<String>,
    rest_token: Option<SecretString>,
}

impl Servers {
    pub(super) fn read(reader: &mut Reader<'_>, url: Option<&Located>) -> Self {
        let host = reader.text("REDIS_HOST").and_then(|text| {
            let host = Address::host_alone(&text).map(str::to_owned);
            let what = || format!("is {}, which is no host", shown(&text));
            host.or_else(|| reader.refuse("REDIS_HOST", what(), "a host alone, such as 10.0.0.5"))
        });
        let port = reader.port("REDIS_PORT");
        if let Some(Located { address, port: named, .. }) = url {
            if host.as_ref().is_some_and(|host| !address.is_at(host)) {
                reader.differs("REDIS_HOST", "the host of the URL");
            }
            let is_socket = matches!(address, Address::Unix(_));
            if port.is_some_and(|port| is_socket || named.is_some_and(|named| port != named)) {
                reader.differs("REDIS_PORT", "the port of the URL");
            }
        }
        let mode = reader.word("REDIS_MODE").and_then(|text| match text.as_str() {
            "memory" => Some(Mode::Memory),
            "standalone" => Some(Mode::Standalone),
            "sentinel" => Some(Mode::Sentinel),
            "cluster" => Some(Mode::Cluster),
            "rest" => Some(Mode::Rest),
            _ => reader.refuse("REDIS_MODE", format!("is {}", shown(&text)), MODES),
        });
        let (nodes, master) = (reader.list("REDIS_NODES"), reader.text("REDIS_SENTINEL_MASTER"));
        if mode.is_none() && (url.is_some() || host.is_some()) {
            let right = "REDIS_MODE beside it, or the one server alone";
            for (name, is_set) in
                [("REDIS_NODES", nodes.is_some()), ("REDIS_SENTINEL_MASTER", master.is_some())]
            {
                if is_set {
                    reader.problem(name, "is set beside the address of one server", right);
                }
            }
        }
        Self {
            mode,
            address: url.map(|url| url.address.clone()),
            host,
            port,
            nodes,
            master,
            rest_url: reader.text("REDIS_REST_URL"),
            rest_token: reader.secret("REDIS_REST_TOKEN"),
        }
    }

    /// Whether servers are named that are reached without HTTP.
    pub(super) const fn are_named(&self) -> bool {
        self.address.is_some() || self.host.is_some() || self.nodes.is_some()
    }

    /// This and, where it says nothing, what has less weight.
    ///
    /// Servers that are named here take the place of all servers there, and of their mode; anything else
    /// takes the place of its own setting alone.
    pub(super) fn or(self, mut below: Self) -> Self {
        let rest_url = self.rest_url.or_else(|| below.rest_url.take());
        let rest_token = self.rest_token.or_else(|| below.rest_token.take());
        let below = if self.address.is_some() || self.host.is_some() {
            if below.are_named() {
                Self::default()
            } else {
                let mode = below.mode.filter(|mode| !matches!(mode, Mode::Memory | Mode::Rest));
                let port = below.port.filter(|_| self.host.is_some());
                Self { mode, port, master: below.master, ..Self::default() }
            }
        } else if self.nodes.is_some() {
            // Other nodes of the same kind, unless there was one server only.
            let mode = below.mode.filter(|mode| matches!(mode, Mode::Cluster | Mode::Sentinel));
            Self { mode, master: below.master, ..Self::default() }
        } else {
            below
        };
        Self {
            mode: self.mode.or(below.mode),
            address: self.address.or(below.address),
            host: self.host.or(below.host),
            port: self.port.or(below.port),
            nodes: self.nodes.or(below.nodes),
            master: self.master.or(below.master),
            rest_url,
            rest_token,
        }
    }

    /// The way to the servers, or why there is none.
    pub(super) fn config(self) -> Result<Config, Vec<Problem>> {
        let mode = self.mode.unwrap_or_else(|| self.implied());
        match mode {
            Mode::Memory => Ok(Config { memory_by_default: self.mode.is_none(), ..Config::memory() }),
            Mode::Rest => self.rest(),
            Mode::Standalone => self.one().map(Config::standalone).ok_or_else(|| {
                let right = "REDIS_URL or REDIS_HOST beside it";
                vec![Problem::new("REDIS_MODE", "is `standalone`, but no server is named", right)]
            }),
            Mode::Cluster => {
                // One node is enough to find the others.
                let addresses = match self.several(DEFAULT_PORT)? {
                    Some(addresses) => addresses,
                    None => vec![self.one().ok_or_else(|| vec![no_nodes(mode)])?],
                };
                Ok(Config { mode, addresses, ..Config::memory() })
            }
            Mode::Sentinel => self.sentinel(),
        }
    }

    /// The mode that follows from what is set.
    fn implied(&self) -> Mode {
        if self.address.is_some() || self.host.is_some() {
            Mode::Standalone
        } else if self.master.is_some() {
            Mode::Sentinel
        } else if self.nodes.is_some() {
            Mode::Cluster
        } else if self.rest_url.is_some() {
            Mode::Rest
        } else {
            Mode::Memory
        }
    }

    /// The one server that is named; a port from a source of more weight moves it.
    fn one(&self) -> Option<Address> {
        match (&self.address, &self.host) {
            (Some(Address::Tcp { host, port }), _) => Some(Address::tcp(host, self.port.unwrap_or(*port))),
            (Some(Address::Unix(path)), _) => Some(Address::Unix(path.clone())),
            (None, Some(host)) => Some(Address::tcp(host, self.port.unwrap_or(DEFAULT_PORT))),
            (None, None) => None,
        }
    }

    /// The nodes that are named, where any are.
    fn several(&self, default_port: u16) -> Result<Option<Vec<Address>>, Vec<Problem>> {
        let nodes = self.nodes.as_ref().map(|nodes| address::parse_all("REDIS_NODES", nodes, default_port));
        nodes.transpose().map_err(|error| error.problems().to_vec())
    }

    fn sentinel(self) -> Result<Config, Vec<Problem>> {
        let mut problems = Vec::new();
        let addresses = self.several(26379).unwrap_or_else(|wrong| {
            problems.extend(wrong);
            Some(Vec::new())
        });
        if addresses.is_none() {
            problems.push(no_nodes(Mode::Sentinel));
        }
        if self.master.is_none() {
            let right = "what the sentinels call the master, such as `mymaster`";
            let what = "is not set, but the mode is `sentinel`";
            problems.push(Problem::new("REDIS_SENTINEL_MASTER", what, right));
        }
        match (addresses, self.master) {
            (Some(addresses), Some(sentinel_master)) if problems.is_empty() => {
                Ok(Config { mode: Mode::Sentinel, addresses, sentinel_master, ..Config::memory() })
            }
            _ => Err(problems),
        }
    }

    fn rest(self) -> Result<Config, Vec<Problem>> {
        let missing = |name, right| Problem::new(name, "is not set, but the mode is `rest`", right);
        match (self.rest_url, self.rest_token) {
            (Some(url), Some(token)) => {
                rest::parse(&url, token.expose_secret().to_owned()).map_err(|problem| {
                    let name =
                        if problem.variable() == "token" { "REDIS_REST_TOKEN" } else { "REDIS_REST_URL" };
                    vec![problem.about(name)]
                })
            }
            (url, token) => {
                let url = url.is_none().then(|| missing("REDIS_REST_URL", rest::RIGHT_URL));
                let token = token.is_none().then(|| missing("REDIS_REST_TOKEN", rest::RIGHT_TOKEN));
                Err(url.into_iter().chain(token).collect())
            }
        }
    }
}

fn no_nodes(mode: Mode) -> Problem {
    let what = format!("is not set, but the mode is `{}`", mode.name());
    Problem::new("REDIS_NODES", what, "addresses like host:port, separated by commas")
}
