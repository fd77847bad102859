//! A small client for HTTP.

#[cfg(any(feature = "gate", feature = "webhook"))]
mod once;
mod target;
#[cfg(feature = "tls")]
mod tls;

use std::fmt;

use http::Uri;

#[cfg(feature = "webhook")]
pub(crate) use self::once::Reply;
#[cfg(any(feature = "gate", feature = "webhook"))]
pub(crate) use self::once::send;
pub use self::target::{HttpFailure, HttpReply, HttpRequest, HttpTarget};

/// Why nothing came back; it names no address, since addresses of webhooks are secrets.
#[derive(Debug)]
pub(crate) struct Failure(String);

/// Where requests to an address go.
#[derive(Debug)]
pub(crate) struct Place {
    /// As a socket wants it: an address of version 6 without its brackets.
    host: String,
    port: u16,
    /// As the header `Host` wants it.
    authority: String,
    #[cfg(feature = "tls")]
    is_tls: bool,
}

/// Whether requests can be sent there, and if not, why.
pub(crate) fn check(address: &Uri) -> Result<(), Failure> {
    host(address)?;
    match address.scheme_str() {
        Some("http") => Ok(()),
        #[cfg(feature = "tls")]
        Some("https") => Ok(()),
        #[cfg(not(feature = "tls"))]
        Some("https") => Err(Failure("this build speaks no TLS; enable the feature `tls-ring`".to_owned())),
        _ => Err(Failure("it must begin with https:// or http://".to_owned())),
    }
}

impl Place {
    fn of(address: &Uri) -> Result<Self, Failure> {
        check(address)?;
        let is_tls = address.scheme_str() == Some("https");
        let host = host(address)?;
        let authority = match address.port_u16() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: address.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            authority,
            #[cfg(feature = "tls")]
            is_tls,
        })
    }
}

fn host(address: &Uri) -> Result<&str, Failure> {
    address.host().ok_or_else(|| Failure("it names no host".to_owned()))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
