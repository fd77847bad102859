//! Tells somebody what is wrong.

use redstart_connection::Clock;
use redstart_monitor::{Notice, Rfc3339, Webhook};

use super::{Report, finding::Weight};
use crate::{Console, Failure};

/// What a receiver understands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
#[non_exhaustive]
pub enum Receiver {
    /// A chat with incoming webhooks as Slack has them.
    Slack,
    /// A program that reads notices as JSON.
    Json,
}

impl Receiver {
    /// The receiver at this address.
    pub(super) fn at(self, address: &str) -> Result<Webhook, Failure> {
        let webhook = match self {
            Self::Slack => Webhook::slack(address),
            Self::Json => Webhook::json(address),
        };
        webhook.map_err(|wrong| Failure::usage(wrong.to_string()))
    }
}

/// Tells of every warning and worse.
pub(super) async fn tell(webhook: &Webhook, report: &Report, console: &Console) -> Result<(), Failure> {
    let at = Rfc3339::from(Clock::system().now());
    let told = report.findings.iter().filter(|finding| Weight::Warning <= finding.severity);
    let mut count = 0;
    for finding in told {
        let notice = Notice::once(
            &finding.rule,
            finding.as_severity(),
            &finding.message,
            &finding.remedy,
            &report.target,
            at,
        );
        webhook.tell_once(&notice).await.map_err(|why| {
            Failure::found(format!("the receiver of alerts was not told of {}: {why}", finding.rule))
        })?;
        count += 1;
    }
    console.note(&format!("the receiver of alerts was told of {count} findings"));
    Ok(())
}
