//! Notices as receivers read them.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{Notice, NoticeStatus, Severity};

/// What a receiver understands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Format {
    Slack,
    Json,
}

impl Format {
    pub(super) fn write(self, notice: &Notice) -> Bytes {
        let body = match self {
            Self::Slack => slack(notice),
            Self::Json => json!(notice),
        };
        body.to_string().into()
    }
}

/// One attachment with a coloured edge, and a line for those who see notifications alone.
fn slack(notice: &Notice) -> Value {
    let Notice { status, repeats, alert, severity, message, remedy, source, since, at, .. } = notice;
    let (word, colour) = match (status, severity) {
        (NoticeStatus::Resolved, _) => ("RESOLVED", "good"),
        (NoticeStatus::Firing, Severity::Advice) => ("ADVICE", "#439fe0"),
        (NoticeStatus::Firing, Severity::Warning) => ("WARNING", "warning"),
        (NoticeStatus::Firing, Severity::Critical) => ("CRITICAL", "danger"),
    };
    let again = if *repeats > 0 && *status == NoticeStatus::Firing { " (still)" } else { "" };
    let title = format!("{word}{again}: {alert}");
    let field = |title: &str, value: String| json!({ "title": title, "value": value, "short": true });
    let mut fields = vec![field("Source", escaped(source)), field("Since", since.to_string())];
    if *status == NoticeStatus::Resolved {
        fields.push(field("Over at", at.to_string()));
    }
    let text = match status {
        NoticeStatus::Firing => format!("{}\n{}", escaped(message), escaped(remedy)),
        NoticeStatus::Resolved => escaped(message),
    };
    json!({
        "text": format!("{title} – {}", escaped(message)),
        "attachments": [{
            "color": colour,
            "title": title,
            "text": text,
            "fields": fields,
            "footer": "redstart",
            "ts": at.timestamp().as_secs(),
        }],
    })
}

/// Slack reads these three as its own.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
