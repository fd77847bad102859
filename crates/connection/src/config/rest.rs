//! A server behind HTTP, as Upstash offers it.

use std::time::Duration;

use secrecy::SecretString;
use url::{Host, Url};

use super::{Address, Config, ConfigError, Mode, Problem, TlsConfig, address::is_near};

pub(super) const RIGHT_URL: &str = "an address like https://eu1-example.upstash.io";
pub(super) const RIGHT_TOKEN: &str = "the token of the REST address";

/// What REST needs to know beside the address.
#[derive(Clone)]
pub(crate) struct RestConfig {
    pub(crate) token: SecretString,
    /// What comes before the path of every request, such as `/redis`; mostly nothing.
    pub(crate) path: String,
}

impl Config {
    /// A server behind HTTP, as Upstash offers it, for places that have no TCP; needs the feature `rest`.
    ///
    /// A call costs a round trip of HTTP, so the deadline of a call defaults to 1 second here, and the
    /// wait for a connection too.
    /// The token leaves over TLS alone, except to a server in the same private network: `http://` to a
    /// public address is refused.
    ///
    /// ```
    /// use redstart_connection::Config;
    ///
    /// # fn main() -> Result<(), redstart_connection::ConfigError> {
    /// let config = Config::rest("https://eu1-example.upstash.io", "s3cret")?.with_prefix("shop")?;
    /// assert_eq!(config.describe(), "https://eu1-example.upstash.io:443");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Names what is wrong with the address; never repeats the token.
    pub fn rest(url: &str, token: impl Into<String>) -> Result<Self, ConfigError> {
        parse(url, token.into()).map_err(|problem| ConfigError::new(vec![problem]))
    }
}

/// Reads the address; no problem, of `url` or of `token`, repeats it: somebody may have put a secret there.
pub(super) fn parse(text: &str, token: String) -> Result<Config, Problem> {
    let url = Url::parse(text).map_err(|error| wrong(&format!("is no address: {error}")))?;
    let host = url.host().ok_or_else(|| wrong("names no host"))?;
    let (tls, default_port) = match url.scheme() {
        "https" => (Some(TlsConfig::new()), 443),
        "http" if is_near(&host) => (None, 80),
        "http" => return Err(wrong("would send the token unencrypted over a public network")),
        _ => return Err(wrong("does not begin with https://")),
    };
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(wrong("holds more than an address; the token is given apart"));
    }
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let what = "is empty, or holds a character that no token has";
        return Err(Problem::new("token", what, RIGHT_TOKEN));
    }
    let name = match host {
        Host::Ipv6(address) => address.to_string(),
        host => host.to_string(),
    };
    let address = Address::tcp(name, url.port().unwrap_or(default_port));
    let path = url.path().trim_end_matches('/').to_owned();
    Ok(Config {
        mode: Mode::Rest,
        rest: Some(RestConfig { token: SecretString::from(token), path }),
        tls,
        connect_timeout: Duration::from_secs(1),
        command_timeout: Duration::from_secs(1),
        ..Config::standalone(address)
    })
}

fn wrong(what: &str) -> Problem {
    Problem::new("url", what.to_owned(), RIGHT_URL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(url: &str) -> Result<String, String> {
        let config = Config::rest(url, "hunter2").map_err(|error| error.to_string())?;
        assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
        Ok(config.describe())
    }

    #[test]
    fn addresses_are_read_as_they_are_meant() {
        for (url, shown) in [
            ("https://eu1-example.upstash.io", "https://eu1-example.upstash.io:443"),
            ("https://example.org:8443/redis/", "https://example.org:8443/redis"),
            ("https://[2001:db8::1]", "https://[2001:db8::1]:443"),
            ("http://127.0.0.1:8079", "http://127.0.0.1:8079"),
            ("http://[::1]:8079", "http://[::1]:8079"),
            ("http://10.1.2.3", "http://10.1.2.3:80"),
            ("http://srh:80", "http://srh:80"),
            ("http://host.docker.internal:8079", "http://host.docker.internal:8079"),
        ] {
            assert_eq!(described(url).as_deref(), Ok(shown));
        }
    }

    #[test]
    fn token_stays_out_of_the_open_and_of_every_text() {
        for url in [
            "http://eu1-example.upstash.io",
            "http://203.0.113.7",
            "http://[2001:db8::1]",
            "https://:hunter2@example.org",
            "https://example.org?_token=hunter2",
            "redis://example.org",
            "hunter2",
        ] {
            let error = described(url).expect_err(url);
            assert!(!error.contains("hunter2"), "{error}");
        }
        for token in ["", "hunter2\r\nX-Evil: 1", "hunter 2"] {
            let error = Config::rest("https://example.org", token).expect_err("it is no token").to_string();
            assert!(!error.contains("hunter"), "{error}");
        }
    }
}
