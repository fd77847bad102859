//! Which server is reached, by whom, and what is kept there under which names.

use std::{fs, time::Duration};

use redstart_connection::{Cmd, ErrorKind, Store};
use redstart_keys::{Category, Entity, Key, TextId, Ttl};
use redstart_ratelimit::{Limiter, Policy};
use redstart_testkit::{RedisServer, RestBridge, fresh_prefix, shared};

use super::{client, read, store_on, works};

const ITEM: Entity<u64> = Entity::new(Category::Cache, "item").ttl(Ttl::hours(1));
const LOGIN: Entity<TextId> = Entity::new(Category::Cache, "login").ttl(Ttl::hours(1)).sensitive();

async fn set(store: &Store, key: &Key) {
    let cmd = Cmd::new("SET").key(key).arg("1").arg("PX").arg(60_000);
    assert!(store.command(cmd).await.unwrap().is_ok());
}

#[tokio::test]
async fn host_port_user_database_and_prefix_lead_where_they_say() {
    let server = RedisServer::configure().password("admin").user("app", "s3cret", "~* +@all").start();
    let (host, port) = (server.address().ip().to_string(), server.address().port().to_string());
    let way = [("REDIS_HOST", &*host), ("REDIS_PORT", &*port), ("REDIS_USERNAME", "app")];
    let rest = [("REDIS_PASSWORD", "s3cret"), ("REDIS_DB", "4"), ("REDIS_KEY_PREFIX", "prod:shop:")];
    let store = Store::connect(&read(&[&way[..], &rest].concat())).await.unwrap();
    set(&store, &ITEM.key(&1)).await;
    let told = client(&store).await;
    assert!(told.contains("user=app") && told.contains("db=4"), "{told}");
    let mut raw = server.raw();
    raw.command(&["SELECT", "4"]);
    assert_eq!(raw.keys("prod:shop"), ["prod:shop:cache:item:{1}"]);
}

#[tokio::test]
async fn password_is_read_from_its_file() {
    let server = RedisServer::configure().password("s3cret").start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let url = format!("redis://{}", server.address());
    let variables = [("REDIS_URL", &*url), ("REDIS_PASSWORD_FILE", file.to_str().unwrap())];
    for (content, is_right) in [("s3cret\n", true), ("other\n", false)] {
        fs::write(&file, content).unwrap();
        let connected = Store::connect(&read(&variables)).await;
        assert_eq!(connected.is_ok(), is_right, "{content}");
        assert!(connected.err().is_none_or(|error| error.kind() == ErrorKind::Auth));
    }
}

#[tokio::test]
async fn files_and_name_of_tls_decide_whom_to_trust() {
    let server = RedisServer::configure().mutual_tls().start();
    let (ca, chain, key) = (server.ca_file(), server.client_cert_file(), server.client_key_file());
    let address = format!("redis://{}", server.address());
    let right = [
        ("REDIS_URL", &*address),
        ("REDIS_TLS_CA_FILE", ca.to_str().unwrap()),
        ("REDIS_TLS_CERT_FILE", chain.to_str().unwrap()),
        ("REDIS_TLS_KEY_FILE", key.to_str().unwrap()),
    ];
    assert!(works(&Store::connect(&read(&right)).await.unwrap()).await, "the files turn TLS on");
    for wrong in [
        [&right[..], &[("REDIS_TLS_SERVER_NAME", "redis.example")]].concat(),
        [&right[..2], &[]].concat(),
        [&right[..], &[("REDIS_TLS", "false")]].concat(),
    ] {
        let wrong = [&wrong[..], &[("REDIS_HANDSHAKE_TIMEOUT", "1s")]].concat();
        assert!(Store::connect(&read(&wrong)).await.is_err(), "{wrong:?}");
    }
}

#[tokio::test]
async fn names_that_platforms_give_lead_to_rest() {
    let bridge = RestBridge::start(shared(), "s3cret");
    let url = bridge.url();
    for (name, token) in [
        ("REDIS_REST_URL", "REDIS_REST_TOKEN"),
        ("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"),
        ("KV_REST_API_URL", "KV_REST_API_TOKEN"),
    ] {
        let store = Store::connect(&read(&[(name, &*url), (token, "s3cret")])).await.unwrap();
        assert!(store.status().mode == "rest" && works(&store).await, "{name}");
    }
}

#[tokio::test]
async fn digests_of_sensitive_ids_depend_on_the_secret() {
    let email = TextId::new("ada@example.com").unwrap();
    let mut names = Vec::new();
    for secret in ["one", "other", "one"] {
        let prefix = fresh_prefix();
        let store = store_on(shared(), &[("REDIS_KEY_PREFIX", &prefix), ("REDIS_DIGEST_SECRET", secret)]);
        set(&store, &LOGIN.key(&email)).await;
        names.push(shared().raw().keys(&prefix)[0].replace(&prefix, ""));
    }
    assert!(names[0] != names[1] && names[0] == names[2], "{names:?}");
}

#[tokio::test]
async fn what_a_limit_has_counted_is_kept_for_the_least_time() {
    let policy = Policy::per_minute("search", 60);
    for (variables, least) in [(vec![], 3_600), (vec![("REDIS_TTL_RATE_LIMIT", "2h")], 7_200)] {
        let prefix = fresh_prefix();
        let store = store_on(shared(), &[&variables[..], &[("REDIS_KEY_PREFIX", &prefix)]].concat());
        assert!(Limiter::new(store).check(&policy, 7_u64).await.is_allowed());
        let mut raw = shared().raw();
        for key in raw.keys(&prefix) {
            let left = Duration::from_millis(raw.command(&["PTTL", &key]).int().unsigned_abs());
            let least = Duration::from_secs(least);
            assert!(left > least - Duration::from_secs(60) && left <= least * 2, "{key}: {left:?}");
        }
    }
}
