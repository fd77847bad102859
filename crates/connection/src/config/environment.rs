//! The environment as a configuration.

use std::{borrow::Cow, time::Duration};

use percent_encoding::percent_decode_str;
use redstart_keys::Prefix;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{Config, ConfigError, Mode, Problem};

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
        "Address of the server, `redis://user:password@host:port/db`; `KV_URL` is an alias.",
    ),
    variable("REDIS_HOST", "none", "Host, where no URL is given; fills in what the URL lacks."),
    variable("REDIS_PORT", "6379", "Port, together with `REDIS_HOST`."),
    variable("REDIS_DB", "0", "Number of the database."),
    variable("REDIS_USERNAME", "none", "User of the server's access control list."),
    variable("REDIS_PASSWORD", "none", "Password."),
    variable("REDIS_KEY_PREFIX", "none", "Prefix of all names; one trailing colon is dropped."),
    variable("REDIS_MODE", "by what is set", "`standalone` or `memory`."),
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
        let mut config = self.address();
        config.mode = self.mode(config.mode);
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
            match parse_url(&url) {
                Ok(config) => {
                    if host.as_ref().is_some_and(|host| *host != config.host) {
                        self.differs("REDIS_HOST", "the host of the URL");
                    }
                    if port.is_some_and(|port| port != config.port) {
                        self.differs("REDIS_PORT", "the port of the URL");
                    }
                    return config;
                }
                Err(problem) => self.problems.push(problem.about(name)),
            }
        }
        match host {
            Some(host) => Config::standalone(host, port.unwrap_or(6379)),
            None => Config::memory(),
        }
    }

    fn mode(&mut self, found: Mode) -> Mode {
        match self.get("REDIS_MODE").as_deref() {
            None => found,
            Some("memory") => Mode::Memory,
            Some("standalone") => {
                if found == Mode::Memory {
                    self.problem(
                        "REDIS_MODE",
                        "is `standalone`, but no server is named",
                        "REDIS_URL or REDIS_HOST beside it",
                    );
                }
                Mode::Standalone
            }
            Some(other) => {
                self.problem("REDIS_MODE", format!("is {other:?}"), "`standalone` or `memory`");
                found
            }
        }
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

const RIGHT_URL: &str = "an address like redis://user:password@host:6379/0";

/// Reads an address; no problem repeats it, since it may hold a password.
pub(super) fn parse_url(text: &str) -> Result<Config, Problem> {
    let wrong = |what: String| Problem::new("url", what, RIGHT_URL);
    let url = Url::parse(text).map_err(|error| wrong(format!("is no address: {error}")))?;
    match url.scheme() {
        "redis" | "valkey" => {}
        "rediss" | "valkeys" => {
            return Err(wrong("asks for TLS, which this version does not speak yet".to_owned()));
        }
        scheme => return Err(wrong(format!("has the scheme {scheme:?}"))),
    }
    let host =
        url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("names no host".to_owned()))?;
    let mut config = Config::standalone(host.trim_matches(['[', ']']).to_owned(), url.port().unwrap_or(6379));
    let decoded = |part: &str| {
        let decoded = percent_decode_str(part).decode_utf8();
        decoded
            .map(Cow::into_owned)
            .map_err(|_| wrong("has a user or password that is not UTF-8 when decoded".to_owned()))
    };
    if !url.username().is_empty() {
        config.username = Some(decoded(url.username())?);
    }
    if let Some(password) = url.password() {
        config.password = Some(SecretString::from(decoded(password)?));
    }
    let path = url.path().trim_matches('/');
    if !path.is_empty() {
        config.db = path.parse().map_err(|_| wrong("has a database that is no number".to_owned()))?;
    }
    Ok(config)
}
