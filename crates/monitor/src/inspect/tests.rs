use redstart_connection::{Clock, Store, Value};
use redstart_keys::{Entity, Key, Pattern, Ttl};

use super::*;

const USER: Entity<u64> = Entity::new(redstart_keys::Category::Cache, "user").ttl(Ttl::hours(1));

/// Keeps one entry, so that there is something to find.
struct Keep(Key);

impl Operation for Keep {
    type Output = ();
    const NAME: &'static str = "test.keep";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome((): &()) -> &'static str {
        "kept"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<()> {
        redis.send(Cmd::new("SET").key(&self.0).arg("1").arg("EX").arg(60)).await.map(drop)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<()> {
        let until = now.saturating_add(std::time::Duration::from_secs(60));
        memory.with(&[&self.0], now, |tx| tx.put(&self.0, 1_u8, until))
    }
}

async fn store_with_users(count: u64) -> Store {
    let store = Store::memory_with(Clock::manual(Timestamp::from_micros(1_000_000)));
    for id in 0..count {
        store.run(&Keep(USER.key(&id))).await.unwrap();
    }
    store
}

#[tokio::test]
async fn the_embedded_store_tells_its_own_figures() {
    let store = store_with_users(3).await;
    let info = store.run(&FetchInfo).await.unwrap();
    assert_eq!((info.server.engine, info.keys()), (Engine::Embedded, 3));
    store.run(&Ping).await.unwrap();
    assert_eq!(store.run(&FetchSlowLog::new(10)).await.unwrap(), []);
}

#[tokio::test]
async fn a_sample_is_sorted_and_bounded() {
    let store = store_with_users(5).await;
    let all = sample(&store, &Pattern::all(), 100).await.unwrap();
    assert!(all.complete);
    assert_eq!(all.keys[0].name, "cache:user:{0}");
    assert_eq!(all.keys[0].ttl, Some(std::time::Duration::from_secs(60)));
    assert_eq!((all.categories[0].category, all.categories[0].keys), ("cache", 5));

    let some = sample(&store, &Pattern::all(), 2).await.unwrap();
    assert_eq!((some.complete, some.keys.len()), (false, 2));
    let none = sample(&store, &Pattern::parse("lock:*").unwrap(), 2).await.unwrap();
    assert_eq!((none.complete, none.keys.len()), (true, 0));
}

#[test]
fn a_slow_call_hides_its_arguments() {
    let bytes = |text: &'static str| Value::Bytes(text.into());
    let entry = Value::Array(vec![
        Value::Int(7),
        Value::Int(1_795_228_963),
        Value::Int(12_500),
        Value::Array(vec![bytes("set"), bytes("session:{secret}"), bytes("hunter2")]),
        bytes("10.0.0.7:51234"),
        bytes("shop:api"),
    ]);
    let call = SlowCall::read(entry).unwrap();
    assert_eq!((call.command.as_str(), call.arguments, call.client.as_str()), ("SET", 2, "shop:api"));
    let json = serde_json::to_string(&call).unwrap();
    assert!(!json.contains("hunter2") && !json.contains("secret") && !json.contains("10.0.0.7"), "{json}");
    assert!(json.contains(r#""durationMs":12.5"#), "{json}");
}

#[test]
fn a_cut_slow_log_is_an_error() {
    assert!(SlowCall::read(Value::Array(vec![Value::Int(7)])).is_err());
    assert!(SlowCall::read(Value::Nil).is_err());
}
