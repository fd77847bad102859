//! The environment as a configuration.

use std::{borrow::Cow, time::Duration};

use redstart_keys::Prefix;
use secrecy::{ExposeSecret, SecretString};

use super::{Address, Config, ConfigError, Credentials, Mode, Problem, address, rest, url};

/// One environment variable that the toolkit reads.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What holds when it is not set.
    pub default: &'static str,
    /// What it says.
    pub description: &'static str,
}

const fn variable(name: &'static str, default: &'static str, description: &'static str) -> Variable {
    Variable { name, default, description }
}

/// Every environment variable that a store reads.
pub const VARIABLES: &[Variable] = &[
    variable(
        "REDIS_URL",
        "none",
        "Address of the server: `redis://user:password@host:port/db`, `rediss://…` for TLS, `unix:/path` for a socket; `KV_URL` is an alias.",
    ),
    variable("REDIS_HOST", "none", "Host, where no URL is given; fills in what the URL lacks."),
    variable("REDIS_PORT", "6379", "Port, together with `REDIS_HOST`."),
    variable("REDIS_DB", "0", "Number of the database."),
    variable("REDIS_USERNAME", "none", "User of the server's access control list."),
    variable("REDIS_PASSWORD", "none", "Password."),
    variable("REDIS_KEY_PREFIX", "none", "Prefix of all names; one trailing colon is dropped."),
    variable("REDIS_MODE", "by what is set", "`standalone`, `sentinel`, `cluster`, `rest` or `memory`."),
    variable(
        "REDIS_NODES",
        "none",
        "Some nodes of the cluster, or the sentinels: `host:port`, separated by commas.",
    ),
    variable("REDIS_SENTINEL_MASTER", "none", "What the sentinels call the master."),
    variable("REDIS_SENTINEL_USERNAME", "none", "User at the sentinels."),
    variable("REDIS_SENTINEL_PASSWORD", "none", "Password at the sentinels."),
    variable(
        "REDIS_REST_URL",
        "none",
        "Address of the server behind HTTP, where no other is named; `UPSTASH_REDIS_REST_URL` and `KV_REST_API_URL` are aliases.",
    ),
    variable(
        "REDIS_REST_TOKEN",
        "none",
        "Its token; `UPSTASH_REDIS_REST_TOKEN` and `KV_REST_API_TOKEN` are aliases.",
    ),
    variable("REDIS_TLS_CA_FILE", "the machine's", "PEM file of the authorities to trust; turns TLS on."),
    variable("REDIS_TLS_CERT_FILE", "none", "PEM file of the certificate to show; turns TLS on."),
    variable("REDIS_TLS_KEY_FILE", "none", "PEM file of its key."),
    variable("REDIS_TLS_SERVER_NAME", "the host", "Name that the server's certificate must bear."),
    variable("REDIS_CONNECT_TIMEOUT", "100", "Milliseconds that a call waits for a connection."),
    variable("REDIS_READ_TIMEOUT", "200", "Milliseconds that a call may take, everything included."),
    variable("REDIS_POOL_SIZE", "20", "Connections for commands that block."),
    variable("REDIS_CONNECTION_IDLE_TIMEOUT", "300", "Seconds after which an idle one of them is closed."),
    variable("REDIS_CONNECTION_MAX_AGE", "1800", "Seconds after which any of them is replaced."),
    variable(
        "REDIS_DIGEST_SECRET",
        "from the prefix",
        "Secret that keys the digests of sensitive ids; the same in all processes.",
    ),
];

const REST_URLS: [&str; 3] = ["REDIS_REST_URL", "UPSTASH_REDIS_REST_URL", "KV_REST_API_URL"];
const REST_TOKENS: [&str; 3] = ["REDIS_REST_TOKEN", "UPSTASH_REDIS_REST_TOKEN", "KV_REST_API_TOKEN"];

/// Reads the variables and notes every problem on the way.
struct Reader<'a, F> {
    variable: &'a F,
    problems: Vec<Problem>,
}

pub(super) fn read<F: Fn(&str) -> Option<String>>(variable: &F) -> Result<Config, ConfigError> {
    let mut reader = Reader { variable, problems: Vec::new() };
    let config = reader.config();
    if reader.problems.is_empty() {
        config.validate()?;
        Ok(config)
    } else {
        Err(ConfigError::new(reader.problems))
    }
}

impl<F: Fn(&str) -> Option<String>> Reader<'_, F> {
    fn config(&mut self) -> Config {
        let mut config = self.servers();
        if let Some(db) = self.number::<u32>("REDIS_DB", "a number such as 0") {
            if config.db != 0 && config.db != db {
                self.differs("REDIS_DB", "the database of the URL");
            }
            config.db = db;
        }
        if let Some(username) = self.get("REDIS_USERNAME") {
            if config.username.as_ref().is_some_and(|other| *other != username) {
                self.differs("REDIS_USERNAME", "the user of the URL");
            }
            config.username = Some(username);
        }
        if let Some(password) = self.get("REDIS_PASSWORD") {
            if config.password.as_ref().is_some_and(|other| other.expose_secret() != password) {
                self.differs("REDIS_PASSWORD", "the password of the URL");
            }
            config.password = Some(SecretString::from(password));
        }
        if let Some(prefix) = self.get("REDIS_KEY_PREFIX") {
            match Prefix::new(&prefix) {
                Ok(prefix) => config.prefix = prefix,
                Err(error) => {
                    self.problem("REDIS_KEY_PREFIX", error.to_string(), "letters, digits and `_.:-`")
                }
            }
        }
        self.duration("REDIS_CONNECT_TIMEOUT", Duration::from_millis(1), &mut config.connect_timeout);
        self.duration("REDIS_READ_TIMEOUT", Duration::from_millis(1), &mut config.command_timeout);
        self.duration("REDIS_CONNECTION_IDLE_TIMEOUT", Duration::from_secs(1), &mut config.idle_timeout);
        self.duration("REDIS_CONNECTION_MAX_AGE", Duration::from_secs(1), &mut config.max_age);
        if let Some(size) = self.number::<u32>("REDIS_POOL_SIZE", "a number of connections such as 20") {
            config.pool_size = size;
        }
        self.tls(&mut config);
        config.digest_secret = self.get("REDIS_DIGEST_SECRET").map(SecretString::from);
        config
    }

    /// Where the server is, by the URL, the host, or not at all.
    fn address(&mut self) -> Config {
        let url = match (self.get("REDIS_URL"), self.get("KV_URL")) {
            (Some(url), Some(other)) if url != other => {
                self.differs("KV_URL", "REDIS_URL");
                Some(("REDIS_URL", url))
            }
            (Some(url), _) => Some(("REDIS_URL", url)),
            (None, other) => other.map(|url| ("KV_URL", url)),
        };
        let host = self.get("REDIS_HOST");
        let port = self.number::<u16>("REDIS_PORT", "a port such as 6379");
        if let Some((name, url)) = url {
            match url::parse(&url) {
                Ok(config) => {
                    let Address::Tcp { host: named, port: at } = config.address() else { return config };
                    if host.is_some_and(|host| host != named) {
                        self.differs("REDIS_HOST", "the host of the URL");
                    }
                    if port.is_some_and(|port| port != at) {
                        self.differs("REDIS_PORT", "the port of the URL");
                    }
                    return config;
                }
                Err(problem) => self.problems.push(problem.about(name)),
            }
        }
        match host {
            Some(host) => Config::standalone(Address::tcp(host, port.unwrap_or(6379))),
            None => Config::memory(),
        }
    }

    /// Which servers there are, by the mode or by what is set.
    fn servers(&mut self) -> Config {
        let single = self.address();
        let nodes = self.get("REDIS_NODES");
        let master = self.get("REDIS_SENTINEL_MASTER");
        let asked = self.get("REDIS_MODE");
        let rest = self.alias(&REST_URLS);
        let mode = match asked.as_deref() {
            None if master.is_some() => Mode::Sentinel,
            None if nodes.is_some() => Mode::Cluster,
            // Some services set both; TCP costs less.
            None if single.is_memory() && rest.is_some() => Mode::Rest,
            None => single.mode,
            Some("memory") => return Config { mode: Mode::Memory, ..single },
            Some("standalone") => Mode::Standalone,
            Some("sentinel") => Mode::Sentinel,
            Some("cluster") => Mode::Cluster,
            Some("rest") => Mode::Rest,
            Some(other) => {
                self.problem(
                    "REDIS_MODE",
                    format!("is {other:?}"),
                    "`standalone`, `sentinel`, `cluster`, `rest` or `memory`",
                );
                return single;
            }
        };
        if mode == Mode::Rest {
            return self.rest(rest).unwrap_or(single);
        }
        if matches!(mode, Mode::Standalone | Mode::Memory) {
            if mode != single.mode {
                let right = "REDIS_URL or REDIS_HOST beside it";
                self.problem("REDIS_MODE", "is `standalone`, but no server is named", right);
            }
            return single;
        }
        let default_port = if mode == Mode::Cluster { 6379 } else { 26379 };
        let addresses = match nodes {
            Some(nodes) => address::parse_all("REDIS_NODES", nodes.split(','), default_port),
            // One node is enough to find the others.
            None if mode == Mode::Cluster && single.mode == Mode::Standalone => Ok(single.addresses.clone()),
            None => Err(ConfigError::one(
                "REDIS_NODES",
                format!("is not set, but the mode is `{}`", mode.name()),
                "addresses like host:port, separated by commas",
            )),
        };
        let addresses = addresses.unwrap_or_else(|error| {
            self.problems.extend_from_slice(error.problems());
            Vec::new()
        });
        let mut config = Config { mode, addresses, ..single };
        if mode == Mode::Sentinel {
            self.sentinel(&mut config, master);
        }
        config
    }

    fn sentinel(&mut self, config: &mut Config, master: Option<String>) {
        match master {
            Some(master) => config.sentinel_master = master,
            None => self.problem(
                "REDIS_SENTINEL_MASTER",
                "is not set, but the mode is `sentinel`",
                "what the sentinels call the master, such as `mymaster`",
            ),
        }
        let username = self.get("REDIS_SENTINEL_USERNAME");
        match self.get("REDIS_SENTINEL_PASSWORD").map(SecretString::from) {
            Some(password) => config.sentinel_credentials = Some(Credentials { username, password }),
            None if username.is_some() => {
                let right = "REDIS_SENTINEL_PASSWORD beside it";
                self.problem("REDIS_SENTINEL_USERNAME", "is set without a password", right);
            }
            None => {}
        }
    }

    fn rest(&mut self, url: Option<(&'static str, String)>) -> Option<Config> {
        let Some((name, url)) = url else {
            let right = "an address like https://eu1-example.upstash.io";
            self.problem(REST_URLS[0], "is not set, but the mode is `rest`", right);
            return None;
        };
        let Some((_, token)) = self.alias(&REST_TOKENS) else {
            self.problem(
                REST_TOKENS[0],
                "is not set, but the mode is `rest`",
                "the token of the REST address",
            );
            return None;
        };
        rest::parse(&url, token).map_err(|problem| self.problems.push(problem.about(name))).ok()
    }

    /// The first of several names of one variable that is set; they must not differ.
    fn alias(&mut self, names: &[&'static str]) -> Option<(&'static str, String)> {
        let set: Vec<_> = names.iter().filter_map(|&name| Some((name, self.get(name)?))).collect();
        let first = set.first()?.clone();
        for (name, _) in set.iter().filter(|(_, value)| *value != first.1) {
            self.differs(name, first.0);
        }
        Some(first)
    }

    fn tls(&mut self, config: &mut Config) {
        let ca = self.get("REDIS_TLS_CA_FILE");
        let identity = (self.get("REDIS_TLS_CERT_FILE"), self.get("REDIS_TLS_KEY_FILE"));
        let name = self.get("REDIS_TLS_SERVER_NAME");
        if ca.is_none() && name.is_none() && identity == (None, None) {
            return;
        }
        let mut tls = config.tls.take().unwrap_or_default();
        if let Some(ca) = ca {
            tls = tls.with_ca_file(ca);
        }
        if let Some(name) = name {
            tls = tls.with_server_name(name);
        }
        match identity {
            (Some(certificate), Some(key)) => tls = tls.with_identity(certificate, key),
            (Some(_), None) => {
                self.problem("REDIS_TLS_CERT_FILE", "is set without its key", "REDIS_TLS_KEY_FILE beside it");
            }
            (None, Some(_)) => {
                let right = "REDIS_TLS_CERT_FILE beside it";
                self.problem("REDIS_TLS_KEY_FILE", "is set without its certificate", right);
            }
            (None, None) => {}
        }
        config.tls = Some(tls);
    }

    /// A set variable; an empty one counts as not set.
    fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    fn number<T: std::str::FromStr>(&mut self, name: &'static str, right: &'static str) -> Option<T> {
        let text = self.get(name)?;
        let number = text.parse().ok();
        if number.is_none() {
            self.problem(name, format!("is {text:?}"), right);
        }
        number
    }

    fn duration(&mut self, name: &'static str, unit: Duration, target: &mut Duration) {
        if let Some(count) = self.number::<u32>(name, "a whole number, 1 or more") {
            *target = unit * count;
        }
    }

    fn differs(&mut self, name: &'static str, from: &'static str) {
        self.problem(name, format!("differs from {from}"), "the same value, or only one of them");
    }

    fn problem(&mut self, name: &'static str, what: impl Into<Cow<'static, str>>, right: &'static str) {
        self.problems.push(Problem::new(name, what, right));
    }
}
