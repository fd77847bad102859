use super::*;

fn json(error: &ApiError, trace_id: Option<TraceId>) -> String {
    String::from_utf8(error.body(trace_id).to_vec()).unwrap()
}

#[test]
fn the_envelope_is_this() {
    let at = Timestamp::from_micros(1_795_181_319_873_000);
    let error = ApiError::rate_limited(Duration::from_millis(22_001)).at(at);
    let trace_id = TraceId::from_bytes([0x4b; 16]);
    assert_eq!(
        json(&error, Some(trace_id)),
        concat!(
            r#"{"error":{"code":"RATE_LIMITED","message":"Too many requests. Try again in 23 seconds.","#,
            r#""timestamp":"2026-11-20T13:28:39.873Z","traceId":"4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b","retryAfter":23}}"#
        )
    );
    let bare = ApiError::internal().at(at);
    assert!(!json(&bare, None).contains("traceId") && !json(&bare, None).contains("retryAfter"));
}

#[test]
fn a_message_is_escaped() {
    let error = ApiError::bad_request("quote \" and\nbreak");
    let value: serde_json::Value = serde_json::from_str(&json(&error, None)).unwrap();
    assert_eq!(value["error"]["message"], "quote \" and\nbreak");
}

#[test]
fn an_error_of_the_store_keeps_its_text_to_itself() {
    let error = ApiError::from(Error::overloaded("secret host 10.0.0.5:6379"));
    assert_eq!((error.status(), error.retry_after), (StatusCode::SERVICE_UNAVAILABLE, Some(1)));
    assert!(!json(&error, None).contains("10.0.0.5"));
    let error = ApiError::from(Error::protocol("secret key cache:user:{7}"));
    assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!json(&error, None).contains("secret"));
}

#[test]
fn waiting_is_rounded_up_to_a_second_at_least() {
    for (millis, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (59_999, 60)] {
        assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds, "{millis} ms");
    }
    assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
}
