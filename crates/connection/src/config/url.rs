//! An address with everything in it.

use std::{borrow::Cow, path::PathBuf};

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

use super::{Address, Config, Problem, TlsConfig};

const RIGHT_URL: &str = "an address like redis://user:password@host:6379/0";

/// Reads an address; no problem repeats it, since it may hold a password.
pub(super) fn parse(text: &str) -> Result<Config, Problem> {
    let url = Url::parse(text).map_err(|error| wrong(format!("is no address: {error}")))?;
    let mut config = match url.scheme() {
        "redis" | "valkey" => Config::standalone(host_and_port(&url)?),
        "rediss" | "valkeys" => {
            Config { tls: Some(TlsConfig::new()), ..Config::standalone(host_and_port(&url)?) }
        }
        "unix" | "redis+unix" | "valkey+unix" => return socket(&url),
        scheme => return Err(wrong(format!("has the scheme {scheme:?}"))),
    };
    login(&url, &mut config)?;
    let path = url.path().trim_matches('/');
    if !path.is_empty() {
        config.db = path.parse().map_err(|_| wrong("has a database that is no number"))?;
    }
    Ok(config)
}

/// `unix:/run/redis.sock?db=1`
fn socket(url: &Url) -> Result<Config, Problem> {
    let path = decoded(url.path())?;
    if path.trim_matches('/').is_empty() {
        return Err(wrong("names no socket"));
    }
    let mut config = Config::standalone(Address::Unix(PathBuf::from(path)));
    login(url, &mut config)?;
    for (name, value) in url.query_pairs() {
        match &*name {
            "db" => config.db = value.parse().map_err(|_| wrong("has a database that is no number"))?,
            other => return Err(wrong(format!("has the unknown part {other:?}"))),
        }
    }
    Ok(config)
}

fn host_and_port(url: &Url) -> Result<Address, Problem> {
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("names no host"))?;
    Ok(Address::tcp(host.trim_matches(['[', ']']), url.port().unwrap_or(6379)))
}

fn login(url: &Url, config: &mut Config) -> Result<(), Problem> {
    if !url.username().is_empty() {
        config.username = Some(decoded(url.username())?);
    }
    if let Some(password) = url.password() {
        config.password = Some(SecretString::from(decoded(password)?));
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
