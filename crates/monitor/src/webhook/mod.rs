//! Notices to a receiver behind HTTP.

mod attempt;
mod format;
mod signature;

use std::{fmt, time::Duration};

use http::Uri;
use redstart_connection::{Clock, names};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use self::{attempt::Outcome, format::Format, signature::Key};
use crate::{Notice, client};

/// How long a receiver may take over one request.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a notice is sent before it is given up: over about four minutes.
const ATTEMPTS: u32 = 9;
/// The pause before the second attempt; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause, also when a receiver asks for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// A receiver of notices, in the format of Slack or as plain JSON.
///
/// A receiver that does not answer, or answers 408, 429 or 5xx, is asked again: nine times over about four
/// minutes, or when it says by `Retry-After`.
/// Each attempt bears the same `webhook-id`, so that a receiver can tell a repetition from another notice.
/// With a [secret](Webhook::signed_with), requests are signed by the rules of
/// [Standard Webhooks](https://www.standardwebhooks.com): HMAC with SHA-256 of id, time and body.
/// The address is a secret too, and is neither shown nor logged.
///
/// ```
/// use redstart_monitor::Webhook;
///
/// # fn main() -> Result<(), redstart_monitor::InvalidWebhook> {
/// let webhook = Webhook::json("http://127.0.0.1:9000/alerts")?.signed_with("whsec_c2VjcmV0LW9mLXRoZS1ob29r")?;
/// assert!(!format!("{webhook:?}").contains("9000"));
/// assert!(Webhook::slack("ftp://127.0.0.1").is_err());
/// # Ok(()) }
/// ```
pub struct Webhook {
    address: SecretString,
    format: Format,
    key: Option<Key>,
    first_pause: Duration,
    clock: Clock,
}

/// The address or the secret of a webhook is not right.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidWebhook(String);

/// A notice was not delivered; it names no address, since that is a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Undelivered(String);

impl Webhook {
    /// An incoming webhook of Slack, or of another chat that takes its format.
    ///
    /// # Errors
    ///
    /// Fails when the address makes no sense, or needs TLS in a build without.
    pub fn slack(address: &str) -> Result<Self, InvalidWebhook> {
        Self::new(address, Format::Slack)
    }

    /// A receiver of the [`Notice`] as JSON.
    ///
    /// # Errors
    ///
    /// Fails when the address makes no sense, or needs TLS in a build without.
    pub fn json(address: &str) -> Result<Self, InvalidWebhook> {
        Self::new(address, Format::Json)
    }

    fn new(address: &str, format: Format) -> Result<Self, InvalidWebhook> {
        let wrong = |why: &dyn fmt::Display| InvalidWebhook(format!("the address of the webhook: {why}"));
        let uri: Uri = address.trim().parse().map_err(|error: http::uri::InvalidUri| wrong(&error))?;
        client::check(&uri).map_err(|why| wrong(&why))?;
        let address = SecretString::from(address.trim());
        Ok(Self { address, format, key: None, first_pause: FIRST_PAUSE, clock: Clock::system() })
    }

    /// Signs the requests with this secret, as it is or as `whsec_` and base64.
    ///
    /// # Errors
    ///
    /// Fails when it has fewer than 16 bytes, or what follows `whsec_` is no base64.
    pub fn signed_with(mut self, secret: &str) -> Result<Self, InvalidWebhook> {
        self.key =
            Some(Key::new(secret).map_err(|why| InvalidWebhook(format!("the secret of the webhook {why}")))?);
        Ok(self)
    }

    /// The pause before the second attempt; each further one is twice as long. Defaults to 1 second.
    #[must_use]
    pub const fn with_first_pause(mut self, pause: Duration) -> Self {
        self.first_pause = pause;
        self
    }

    /// Delivers every notice, one after the other, for as long as there is somebody to tell some.
    pub(crate) async fn deliver(self, mut notices: Receiver<Notice>) {
        loop {
            match notices.recv().await {
                Ok(notice) => self.tell(&notice).await,
                Err(RecvError::Lagged(lost)) => {
                    count("lost", lost);
                    tracing::error!(lost, "alerts were not delivered: the receiver is too slow");
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Tells a notice once, and waits for what the receiver says; for programs that end soon.
    ///
    /// # Errors
    ///
    /// Fails when the receiver does not take it within ten seconds.
    pub async fn tell_once(&self, notice: &Notice) -> Result<(), Undelivered> {
        let (address, body) = (self.address.expose_secret(), self.format.write(notice));
        let time = self.clock.now();
        match attempt::send(address, &notice.id, time, self.key.as_ref(), body, PATIENCE).await {
            Outcome::Taken => Ok(()),
            Outcome::Refused(why) | Outcome::Failed { why, .. } => Err(Undelivered(why)),
        }
    }

    async fn tell(&self, notice: &Notice) {
        let body = self.format.write(notice);
        for attempt in 1..=ATTEMPTS {
            let address = self.address.expose_secret();
            let time = self.clock.now();
            match attempt::send(address, &notice.id, time, self.key.as_ref(), body.clone(), PATIENCE).await {
                Outcome::Taken => return count("delivered", 1),
                Outcome::Refused(why) => {
                    tracing::error!(
                        alert = notice.alert,
                        why,
                        "an alert was not delivered: the receiver refused it"
                    );
                    return count("refused", 1);
                }
                Outcome::Failed { why, again_in } => {
                    tracing::debug!(
                        alert = notice.alert,
                        why,
                        attempt,
                        "an alert could not be delivered yet"
                    );
                    if attempt == ATTEMPTS {
                        tracing::error!(alert = notice.alert, why, "an alert was not delivered");
                        return count("failed", 1);
                    }
                    let pause = self.first_pause.saturating_mul(1 << (attempt - 1));
                    // A quarter of it is chance, so that many processes do not come back together.
                    let pause = pause.mul_f64(fastrand::f64().mul_add(0.25, 0.875));
                    tokio::time::sleep(again_in.unwrap_or(pause).min(LONGEST_PAUSE)).await;
                }
            }
        }
    }
}

fn count(outcome: &'static str, notices: u64) {
    metrics::counter!(names::ALERT_DELIVERIES, "outcome" => outcome).increment(notices);
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("address", &"***")
            .field("format", &self.format)
            .field("is_signed", &self.key.is_some())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for InvalidWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidWebhook {}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Undelivered {}

#[cfg(test)]
mod tests;
