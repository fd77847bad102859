use redstart_connection::Store;

use super::*;
use crate::Ping;

#[tokio::test]
async fn the_page_holds_what_was_recorded_and_what_is_sampled() {
    let store = Store::memory();
    let exposition = Exposition::install(&Monitor::new(store.clone())).unwrap();
    store.run(&Ping).await.unwrap();
    let text = exposition.render().await;
    for expected in [
        "# TYPE db_client_operation_duration_seconds histogram",
        r#"db_client_operation_duration_seconds_bucket{db_operation_name="monitor.ping",outcome="answered",db_system_name="redis",le="0.0001"}"#,
        "# TYPE redis_up gauge\nredis_up 1\n",
        "redstart_health_score 100\n",
        "redstart_standby_active 0\n",
    ] {
        assert!(text.contains(expected), "{expected} is missing in\n{text}");
    }
    assert!(Exposition::install(&Monitor::new(store)).is_err());
}

#[test]
fn counter_of_an_old_name_is_of_no_type() {
    let recorder = recorder().unwrap();
    metrics::with_local_recorder(&recorder, || {
        metrics::counter!(redstart_connection::names::LIMITER_ERRORS, "policy" => "api").increment(1);
    });
    let mut text = recorder.handle().render();
    declare_untyped(&mut text);
    assert!(
        text.contains("# TYPE limiter_redis_errors untyped\nlimiter_redis_errors{policy=\"api\"} 1\n"),
        "{text}"
    );
}
