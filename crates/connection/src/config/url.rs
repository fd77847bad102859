//! An address with everything in it.

use std::{borrow::Cow, path::PathBuf};

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

use super::{Address, Config, Problem, TlsConfig};

/// The port where none is named.
pub(super) const DEFAULT_PORT: u16 = 6379;

const RIGHT_URL: &str = "an address like redis://user:password@host:6379/0";

/// What an address says, and nothing that it doesn't.
pub(super) struct Located {
    pub(super) address: Address,
    /// That of the address where it stands there; none where it is the default.
    pub(super) port: Option<u16>,
    pub(super) db: Option<u32>,
    pub(super) username: Option<String>,
    pub(super) password: Option<SecretString>,
    pub(super) tls: bool,
}

impl Located {
    const fn new(address: Address, port: Option<u16>, tls: bool) -> Self {
        Self { address, port, db: None, username: None, password: None, tls }
    }

    pub(super) fn config(self) -> Config {
        let Self { address, port: _, db, username, password, tls } = self;
        Config {
            db: db.unwrap_or(0),
            username,
            password,
            tls: tls.then(TlsConfig::new),
            ..Config::standalone(address)
        }
    }
}

/// Reads an address; no problem repeats it, since it may hold a password.
pub(super) fn parse(text: &str) -> Result<Located, Problem> {
    let url = Url::parse(text.trim()).map_err(|error| wrong(format!("is no address: {error}")))?;
    let tls = match url.scheme() {
        "redis" | "valkey" => false,
        "rediss" | "valkeys" => true,
        "unix" | "redis+unix" | "valkey+unix" => return socket(&url),
        "http" | "https" => return Err(wrong("is an address of HTTP, which belongs in REDIS_REST_URL")),
        // What stands there may be a part of the login.
        _ => return Err(wrong("does not begin with redis://, rediss:// or unix:")),
    };
    let mut located = Located::new(host_and_port(&url)?, url.port(), tls);
    login(&url, &mut located)?;
    if url.query().is_some() || url.fragment().is_some() {
        // What it asks for would not be done, or it is the rest of a password.
        return Err(wrong("goes on after the database; a `?` or `#` of a password is written %3F or %23"));
    }
    let path = url.path().trim_matches('/');
    if !path.is_empty() {
        located.db = Some(path.parse().map_err(|_| wrong("has a database that is no number"))?);
    }
    Ok(located)
}

/// `unix:/run/redis.sock?db=1`
fn socket(url: &Url) -> Result<Located, Problem> {
    let path = decoded(url.path())?;
    if url.host().is_some() {
        return Err(wrong("names a host before the socket; its path begins with one slash"));
    }
    if path.trim_matches('/').is_empty() {
        return Err(wrong("names no socket"));
    }
    let mut located = Located::new(Address::Unix(PathBuf::from(path)), None, false);
    login(url, &mut located)?;
    for (name, value) in url.query_pairs() {
        match &*name {
            "db" => {
                located.db = Some(value.parse().map_err(|_| wrong("has a database that is no number"))?);
            }
            _ => return Err(wrong("has another part than `?db=`")),
        }
    }
    Ok(located)
}

fn host_and_port(url: &Url) -> Result<Address, Problem> {
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("names no host"))?;
    if url.port() == Some(0) {
        return Err(wrong("has the port 0"));
    }
    Ok(Address::tcp(host.trim_matches(['[', ']']), url.port().unwrap_or(DEFAULT_PORT)))
}

fn login(url: &Url, located: &mut Located) -> Result<(), Problem> {
    if !url.username().is_empty() {
        located.username = Some(decoded(url.username())?);
    }
    if let Some(password) = url.password() {
        located.password = Some(SecretString::from(decoded(password)?));
    }
    Ok(())
}

fn decoded(part: &str) -> Result<String, Problem> {
    let decoded = percent_decode_str(part).decode_utf8();
    decoded.map(Cow::into_owned).map_err(|_| wrong("has a part that is not UTF-8 when decoded"))
}

fn wrong(what: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new("url", what, RIGHT_URL)
}
