use redstart_connection::Timestamp;
use serde_json::Value;

use super::*;
use crate::{NoticeStatus, Rfc3339, Severity, Unit};

fn notice(status: NoticeStatus) -> Notice {
    Notice {
        id: "shop-1.memory.critical.1.firing.0".to_owned(),
        status,
        repeats: 0,
        alert: "memory".to_owned(),
        severity: Severity::Critical,
        message: "memory is close to its bound: 86.0 %, at most 85.0 %".to_owned(),
        value: Some(0.86),
        threshold: 0.85,
        unit: Unit::Ratio,
        remedy: "Raise maxmemory <now> & look.".to_owned(),
        source: "shop-1".to_owned(),
        since: Rfc3339::from(Timestamp::from_micros(1_795_181_319_873_000)),
        at: Rfc3339::from(Timestamp::from_micros(1_795_181_379_873_000)),
    }
}

fn written(format: Format, status: NoticeStatus) -> Value {
    serde_json::from_slice(&format.write(&notice(status))).unwrap()
}

#[test]
fn slack_reads_a_coloured_attachment() {
    insta::assert_snapshot!(format!("{:#}", written(Format::Slack, NoticeStatus::Firing)));
    assert_eq!(written(Format::Slack, NoticeStatus::Resolved)["attachments"][0]["color"], "good");
}

#[test]
fn programs_read_the_notice() {
    insta::assert_snapshot!(format!("{:#}", written(Format::Json, NoticeStatus::Firing)));
}

/// The example of the specification's own libraries.
#[test]
fn signature_is_that_of_standard_webhooks() {
    let key = Key::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let signed = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
    assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn what_is_wrong_is_told_without_the_secret() {
    for (address, problem) in [
        ("hooks.example/T123", "invalid format"),
        ("ftp://hooks.example/T123", "it must begin with https:// or http://"),
        ("/T123", "it names no host"),
        ("http://", "empty string"),
    ] {
        let error = Webhook::slack(address).unwrap_err().to_string();
        assert!(error.contains(problem) && !error.contains("T123"), "{address}: {error}");
    }
    let webhook = || Webhook::json("http://127.0.0.1:1/T123").unwrap();
    assert!(!format!("{:?}", webhook()).contains("T123"));
    for secret in ["brief", "whsec_%%%", "whsec_c2hvcnQ="] {
        let error = webhook().signed_with(secret).unwrap_err().to_string();
        assert!(error.starts_with("the secret of the webhook is") && !error.contains(secret), "{error}");
    }
}
