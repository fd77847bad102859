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
        "# TYPE redstart_operation_duration_seconds histogram",
        r#"redstart_operation_duration_seconds_bucket{operation="monitor.ping",outcome="answered",le="0.0001"}"#,
        "# TYPE redis_up gauge\nredis_up 1\n",
        "redstart_health_score 100\n",
    ] {
        assert!(text.contains(expected), "{expected} is missing in\n{text}");
    }
    assert!(Exposition::install(&Monitor::new(store)).is_err());
}
