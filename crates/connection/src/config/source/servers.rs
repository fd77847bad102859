//! Which servers there are, by the mode or by what is set.

use secrecy::{ExposeSecret, SecretString};

use super::reader::Reader;
use crate::config::{Address, Config, Mode, Problem, address, rest, url::Located};

const MODES: &str = "`standalone`, `sentinel`, `cluster`, `rest` or `memory`";

/// What one source says of where the servers are.
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
        let host = reader.text("REDIS_HOST");
        let port = reader.number::<u16>("REDIS_PORT", "a port such as 6379");
        if let Some(Address::Tcp { host: named, port: at }) = url.map(|url| &url.address) {
            if host.as_ref().is_some_and(|host| host != named) {
                reader.differs("REDIS_HOST", "the host of the URL");
            }
            if port.is_some_and(|port| port != *at) {
                reader.differs("REDIS_PORT", "the port of the URL");
            }
        }
        let mode = reader.text("REDIS_MODE").and_then(|text| match text.as_str() {
            "memory" => Some(Mode::Memory),
            "standalone" => Some(Mode::Standalone),
            "sentinel" => Some(Mode::Sentinel),
            "cluster" => Some(Mode::Cluster),
            "rest" => Some(Mode::Rest),
            _ => reader.refuse("REDIS_MODE", format!("is {text:?}"), MODES),
        });
        Self {
            mode,
            address: url.map(|url| url.address.clone()),
            host,
            port,
            nodes: reader.list("REDIS_NODES"),
            master: reader.text("REDIS_SENTINEL_MASTER"),
            rest_url: reader.text("REDIS_REST_URL"),
            rest_token: reader.secret("REDIS_REST_TOKEN"),
        }
    }

    /// This, and below it what a source of less weight says.
    ///
    /// A URL or a host takes the place of all servers below; anything else of its own setting alone.
    pub(super) fn over(self, below: Self) -> Self {
        let rest_url = self.rest_url.or(below.rest_url);
        let rest_token = self.rest_token.or(below.rest_token);
        if self.address.is_some() || self.host.is_some() {
            let port = below.port.filter(|_| below.address.is_none() && below.host.is_none());
            return Self { port: self.port.or(port), rest_url, rest_token, ..self };
        }
        Self {
            mode: self.mode.or(below.mode),
            address: below.address,
            host: below.host,
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
        let default_port = if mode == Mode::Sentinel { 26379 } else { 6379 };
        let nodes = |nodes: &Option<Vec<String>>| {
            let nodes = nodes.as_ref().map(|nodes| address::parse_all("REDIS_NODES", nodes, default_port));
            nodes.transpose().map_err(|error| error.problems().to_vec())
        };
        match mode {
            Mode::Memory => Ok(Config { memory_by_default: self.mode.is_none(), ..Config::memory() }),
            Mode::Rest => self.rest().map_err(|problem| vec![problem]),
            Mode::Standalone => self.one().map(Config::standalone).ok_or_else(|| {
                let right = "REDIS_URL or REDIS_HOST beside it";
                vec![Problem::new("REDIS_MODE", "is `standalone`, but no server is named", right)]
            }),
            Mode::Cluster => {
                // One node is enough to find the others.
                let addresses = nodes(&self.nodes)?.or_else(|| self.one().map(|address| vec![address]));
                let addresses = addresses.ok_or_else(|| vec![no_nodes(mode)])?;
                Ok(Config { mode, addresses, ..Config::memory() })
            }
            Mode::Sentinel => {
                let mut problems = Vec::new();
                let addresses = nodes(&self.nodes).unwrap_or_else(|wrong| {
                    problems.extend(wrong);
                    Some(Vec::new())
                });
                if addresses.is_none() {
                    problems.push(no_nodes(mode));
                }
                if self.master.is_none() {
                    let right = "what the sentinels call the master, such as `mymaster`";
                    let what = "is not set, but the mode is `sentinel`";
                    problems.push(Problem::new("REDIS_SENTINEL_MASTER", what, right));
                }
                match (addresses, self.master) {
                    (Some(addresses), Some(sentinel_master)) if problems.is_empty() => {
                        Ok(Config { mode, addresses, sentinel_master, ..Config::memory() })
                    }
                    _ => Err(problems),
                }
            }
        }
    }

    /// The mode that follows from what is set.
    fn implied(&self) -> Mode {
        if self.master.is_some() {
            Mode::Sentinel
        } else if self.nodes.is_some() {
            Mode::Cluster
        } else if self.address.is_some() || self.host.is_some() {
            Mode::Standalone
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
            (None, Some(host)) => Some(Address::tcp(host, self.port.unwrap_or(6379))),
            (None, None) => None,
        }
    }

    fn rest(self) -> Result<Config, Problem> {
        let missing = |name, right| Problem::new(name, "is not set, but the mode is `rest`", right);
        let url = self.rest_url.as_deref();
        let url =
            url.ok_or_else(|| missing("REDIS_REST_URL", "an address like https://eu1-example.upstash.io"))?;
        let token = self.rest_token.as_ref();
        let token = token.ok_or_else(|| missing("REDIS_REST_TOKEN", "the token of the REST address"))?;
        rest::parse(url, token.expose_secret().to_owned()).map_err(|problem| problem.about("REDIS_REST_URL"))
    }
}

fn no_nodes(mode: Mode) -> Problem {
    let what = format!("is not set, but the mode is `{}`", mode.name());
    Problem::new("REDIS_NODES", what, "addresses like host:port, separated by commas")
}
