//! Keys that cost more than they should.

use redstart_monitor::{CensusPlan, Severity};
use redstart_testkit::RedisServer;

use super::Ward;

impl Ward {
    /// The name of a cached user on the server.
    fn name(&self, id: &str) -> String {
        format!("{}:cache:user:{{{id}}}", self.store.prefix().as_str())
    }

    async fn count(&self) {
        self.monitor.census(&CensusPlan::new(), |_| {}).await.unwrap();
    }
}

#[tokio::test]
async fn keys_that_never_end() {
    let server = RedisServer::start();
    let ward = Ward::of(&server);
    server.raw().command(&["SET", &ward.name("1"), "Ada"]);
    server.raw().command(&["SET", &ward.name("2"), "Grace", "EX", "60"]);
    // What is no key of ours, and what may stay, is nobody's fault.
    server.raw().command(&["SET", "stranger", "1"]);
    server.raw().command(&["SET", &format!("{}:flag:site", ward.store.prefix().as_str()), "1"]);
    ward.is_well("endless-keys").await;
    ward.count().await;
    ward.is_sick("endless-keys", Severity::Warning, "EXPIRE").await;
    let census = ward.monitor.last_census().unwrap();
    assert_eq!((census.endless, census.endless_keys.as_slice()), (1, &["cache:user:{1}".to_owned()][..]));
    server.raw().command(&["EXPIRE", &ward.name("1"), "60"]);
    ward.count().await;
    ward.is_well("endless-keys").await;
}

#[tokio::test]
async fn big_key() {
    let server = RedisServer::start();
    let ward = Ward::of(&server);
    for (bytes, severity) in [("2000000", Severity::Advice), ("12000000", Severity::Warning)] {
        server.raw().command(&["SETRANGE", &ward.name("1"), bytes, "x"]);
        server.raw().command(&["EXPIRE", &ward.name("1"), "60"]);
        ward.count().await;
        ward.is_sick("big-key", severity, "UNLINK").await;
        let census = ward.monitor.last_census().unwrap();
        assert_eq!(census.biggest.known().unwrap()[0].name, "cache:user:{1}");
    }
    server.raw().command(&["UNLINK", &ward.name("1")]);
    ward.count().await;
    ward.is_well("big-key").await;
}

#[tokio::test]
async fn hot_key() {
    let server = RedisServer::configure().option("maxmemory-policy", "allkeys-lfu").start();
    let ward = Ward::of(&server);
    let read = |id: &str, times: &str| {
        let script = "for i = 1, ARGV[1] do redis.call('GET', KEYS[1]) end";
        server.raw().command(&["SET", &ward.name(id), "Ada", "EX", "600"]);
        server.raw().command(&["EVAL", script, "1", &ward.name(id), times]);
    };
    read("1", "100000");
    read("2", "100");
    ward.count().await;
    ward.is_sick("hot-key", Severity::Advice, "spread it over several keys").await;
    let census = ward.monitor.last_census().unwrap();
    assert_eq!(census.hottest.known().unwrap()[0].name, "cache:user:{1}");
    server.raw().command(&["UNLINK", &ward.name("1")]);
    for part in 10..20 {
        read(&part.to_string(), "10000");
    }
    ward.count().await;
    ward.is_well("hot-key").await;
}
