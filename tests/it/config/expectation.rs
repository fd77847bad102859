//! What the server's memory should be like.

use redstart_connection::Store;
use redstart_testkit::{RedisServer, RestBridge, eventually};
use tracing::Level;

use super::{Logs, read, store_on, works};
use crate::support::GUARD;

fn told(logs: &Logs, variable: &str) -> Vec<String> {
    let about = |line: &String| line.contains("not as it should be") && line.contains(variable);
    logs.lines().into_iter().filter(about).collect()
}

#[tokio::test]
async fn another_memory_than_expected_is_told_once() {
    let server = RedisServer::configure()
        .option("maxmemory", "100mb")
        .option("maxmemory-policy", "allkeys-lru")
        .start();
    let (logs, _listening) = Logs::listen(Level::WARN);
    let expected = [("REDIS_MEMORY_POLICY", "noeviction"), ("REDIS_MAX_MEMORY", "256mb")];
    let store = store_on(&server, &expected);
    assert!(works(&store).await);
    // Each of several lanes has looked.
    eventually(GUARD, async || store.status().connected == 2).await;
    let capabilities = store.capabilities().expect("it has been greeted");
    assert_eq!(
        (capabilities.memory_policy.as_deref(), capabilities.max_memory),
        (Some("allkeys-lru"), Some(100 << 20))
    );
    let policy = told(&logs, "REDIS_MEMORY_POLICY");
    assert_eq!(policy.len(), 1, "{:#?}", logs.lines());
    for part in [&*server.address().to_string(), "expected=\"noeviction\"", "found=\"allkeys-lru\""] {
        assert!(policy[0].contains(part), "{}", policy[0]);
    }
    let bound = told(&logs, "REDIS_MAX_MEMORY");
    assert!(
        matches!(&bound[..], [line] if line.contains("268435456") && line.contains("104857600")),
        "{bound:?}"
    );
}

#[tokio::test]
async fn memory_as_expected_is_not_talked_about() {
    let server = RedisServer::configure().option("maxmemory-policy", "volatile-ttl").start();
    let (logs, _listening) = Logs::listen(Level::WARN);
    for variables in [vec![], vec![("REDIS_MEMORY_POLICY", "volatile-ttl")]] {
        let store = store_on(&server, &variables);
        assert!(works(&store).await && store.capabilities().is_some());
    }
    assert!(told(&logs, "").is_empty(), "{:#?}", logs.lines());
}

#[tokio::test]
async fn server_that_may_not_be_asked_stays_unknown_and_works() {
    let server = RedisServer::configure().password("admin").user("app", "s3cret", "~* +@all -info").start();
    let (logs, _listening) = Logs::listen(Level::WARN);
    let store = store_on(&server, &[("REDIS_MEMORY_POLICY", "allkeys-lru")]);
    assert!(works(&store).await);
    let capabilities = store.capabilities().expect("it has been greeted");
    assert_eq!((capabilities.version, capabilities.memory_policy), (None, None));
    assert!(told(&logs, "").is_empty(), "{:#?}", logs.lines());
}

#[tokio::test]
async fn memory_behind_http_is_looked_at_too() {
    let server = RedisServer::configure().option("maxmemory-policy", "allkeys-lru").start();
    let bridge = RestBridge::start(&server, "s3cret");
    let (logs, _listening) = Logs::listen(Level::WARN);
    let url = bridge.url();
    let way =
        [("REDIS_REST_URL", &*url), ("REDIS_REST_TOKEN", "s3cret"), ("REDIS_MEMORY_POLICY", "noeviction")];
    let store = Store::connect(&read(&way)).await.unwrap();
    let policy = store.capabilities().and_then(|told| told.memory_policy.clone());
    assert_eq!(policy.as_deref(), Some("allkeys-lru"));
    assert_eq!(told(&logs, "REDIS_MEMORY_POLICY").len(), 1, "{:#?}", logs.lines());
}
