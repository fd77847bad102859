//! What each failure of the driver or the server means.

use redis::{ErrorKind as Driver, RedisError};

use crate::{Certainty, Error, ErrorKind, config::Address, error::Redirect};

/// What a failure says about the connection it came over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// It is as good as before.
    Healthy,
    /// It must be replaced; the word says why.
    Replace(&'static str),
}

/// Turns a driver's error into ours.
pub(crate) fn classify(error: &RedisError) -> (Error, Verdict) {
    if let Some(code) = error.code() {
        let (told, verdict) = server_error(code, error.detail().unwrap_or_default());
        return (told.with_redirect(redirect(error)), verdict);
    }
    match error.kind() {
        Driver::AuthenticationFailed => (
            Error::new(ErrorKind::Auth, Certainty::Refused, "the server refused the credentials"),
            Verdict::Replace("auth"),
        ),
        Driver::Io => {
            let what = if error.is_timeout() { "the connection timed out" } else { "the connection broke" };
            let broken =
                Error::new(ErrorKind::Connection, Certainty::Unknown, what).with_source(error.clone());
            (broken, Verdict::Replace("broken"))
        }
        Driver::Parse => {
            let garbled =
                Error::new(ErrorKind::Protocol, Certainty::Unknown, "the server's answer made no sense");
            (garbled.with_source(error.clone()), Verdict::Replace("garbled"))
        }
        Driver::InvalidClientConfig => {
            let what = "the driver refused the configuration";
            (
                Error::new(ErrorKind::Config, Certainty::NotSent, what).with_source(error.clone()),
                Verdict::Healthy,
            )
        }
        _ => {
            let failed = Error::new(ErrorKind::Protocol, Certainty::Unknown, "the driver failed");
            (failed.with_source(error.clone()), Verdict::Healthy)
        }
    }
}

/// `MOVED <slot> <address>` and `ASK <slot> <address>`.
fn redirect(error: &RedisError) -> Option<Redirect> {
    let (to, slot) = error.redirect_node()?;
    Some(Redirect { slot, to: Address::parse(to, 6379)? })
}

/// Classifies by the server's code; the driver's own kinds leave half of them out.
pub(super) fn server_error(code: &str, detail: &str) -> (Error, Verdict) {
    use Certainty::{Failed, Refused, Unknown};
    let (kind, certainty, verdict) = match code {
        "READONLY" => (ErrorKind::ReadOnly, Refused, Verdict::Replace("readonly")),
        "MASTERDOWN" => (ErrorKind::Loading, Refused, Verdict::Replace("masterdown")),
        "LOADING" | "BUSY" | "TRYAGAIN" | "CLUSTERDOWN" => (ErrorKind::Loading, Refused, Verdict::Healthy),
        "NOAUTH" => (ErrorKind::Auth, Refused, Verdict::Replace("auth")),
        "WRONGPASS" => (ErrorKind::Auth, Refused, Verdict::Replace("auth")),
        "NOPERM" => (ErrorKind::Permission, Refused, Verdict::Healthy),
        "OOM" => (ErrorKind::OutOfMemory, Refused, Verdict::Healthy),
        "NOREPLICAS" | "MISCONF" => (ErrorKind::Loading, Refused, Verdict::Healthy),
        "WRONGTYPE" => (ErrorKind::WrongType, Failed, Verdict::Healthy),
        "MOVED" | "ASK" | "CROSSSLOT" => (ErrorKind::Config, Refused, Verdict::Healthy),
        "NOSCRIPT" => (ErrorKind::Script, Refused, Verdict::Healthy),
        "UNBLOCKED" => (ErrorKind::Connection, Unknown, Verdict::Healthy),
        _ if detail.starts_with("max number of clients") => {
            (ErrorKind::Overloaded, Refused, Verdict::Replace("maxclients"))
        }
        // The quotas of services that sell requests.
        _ if is_quota(detail) => (ErrorKind::Overloaded, Refused, Verdict::Healthy),
        _ if detail.starts_with("unknown command") => (ErrorKind::Unsupported, Refused, Verdict::Healthy),
        _ if detail.contains("script") => (ErrorKind::Script, Failed, Verdict::Healthy),
        _ => (ErrorKind::Server, Failed, Verdict::Healthy),
    };
    (
        Error::new(kind, certainty, format!("the server answered {code} {}", presentable(detail)))
            .with_code(code),
        verdict,
    )
}

/// `max daily request limit exceeded`, but not `max request size exceeded`, which no waiting mends.
fn is_quota(detail: &str) -> bool {
    let subject = detail.strip_prefix("max ").and_then(|rest| rest.split_once(" exceeded"));
    subject.is_some_and(|(subject, _)| !subject.contains("size"))
}

/// The server's text without the arguments that it sometimes repeats.
fn presentable(detail: &str) -> &str {
    let end =
        detail.find(", with args").or_else(|| detail.find(" script: ")).unwrap_or(detail.len()).min(200);
    let end = (0..=end).rev().find(|&at| detail.is_char_boundary(at)).unwrap_or(0);
    &detail[..end]
}

/// An error inside a script may follow writes that stand.
pub(crate) fn inside_script(error: Error) -> Error {
    let refused_whole = matches!(
        error.code(),
        Some("NOSCRIPT" | "NOAUTH" | "LOADING" | "BUSY" | "OOM" | "NOPERM" | "READONLY" | "MASTERDOWN")
    );
    if error.certainty() == Certainty::Refused && !refused_whole {
        error.at_least(Certainty::Unknown)
    } else {
        error
    }
}

#[cfg(test)]
mod tests;
