//! A secret in every place where there may be one, and none of them in anything that anybody may read.

use std::{convert::Infallible, error::Error as _, fmt::Write as _, fs, time::Duration};

use redstart::{Cache, Limiter, Locks, Monitor, Policy, monitor::Exposition};
use redstart_connection::{Cmd, Error, Events, Store};
use redstart_keys::{Category, Entity, Ttl};
use redstart_testkit::{RedisServer, RestBridge, RestFault, eventually};
use tracing::Level;

use super::{Logs, read, works};
use crate::support::GUARD;

/// In every secret, so that none is overlooked.
const CANARY: &str = "cAnArY";
const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
const RUN: Entity<u64> = Entity::new(Category::Lock, "run").ttl(Ttl::hours(1));
const LOGIN: Policy = Policy::per_minute("login", 100).sensitive();

/// Everything that was said, by whomever.
#[derive(Default)]
struct Said(String);

impl Said {
    fn hear(&mut self, thing: impl std::fmt::Debug) {
        writeln!(self.0, "{thing:?}").unwrap();
    }

    fn hear_error(&mut self, error: &Error) {
        writeln!(self.0, "{error} {error:?}").unwrap();
        let mut cause = error.source();
        while let Some(error) = cause {
            writeln!(self.0, "{error} {error:?}").unwrap();
            cause = error.source();
        }
    }

    /// The main job, with an answer or an error.
    async fn hear_of_work(&mut self, store: &Store) {
        let load = || async { Ok::<_, Infallible>(Some("Ada".to_owned())) };
        self.hear(Cache::<u64, String>::new(store, &USER).get_or_load(&1, load).await);
        self.hear(Limiter::new(store.clone()).check(&LOGIN, &*format!("{CANARY}@example.org")).await);
        match Locks::new(store.clone()).lock(&RUN.key(&1)).wait(Duration::ZERO).acquire().await {
            Ok(guard) => self.hear(guard.release().await),
            Err(error) => self.hear((error.to_string(), error)),
        }
        // Commands of one's own may hold anything, a password among it, and may be wrong.
        for cmd in [
            Cmd::new("SET").key(&USER.key(&2)).arg(CANARY).arg("PX").arg(60_000),
            Cmd::new("INCR").key(&USER.key(&2)),
            Cmd::new("ACL").arg("SETUSER").arg("x").arg(format!(">{CANARY}")).arg("nonsense"),
            Cmd::new("AUTH").arg(CANARY),
            Cmd::new("NOSUCH").arg(CANARY),
        ] {
            self.hear(&cmd);
            if let Err(error) = store.command(cmd).await {
                self.hear_error(&error);
            }
        }
        self.hear(store);
        self.hear(store.describe());
        self.hear(store.status());
        self.hear(store.capabilities());
        self.hear(Monitor::new(store.clone()).health().await);
    }

    async fn hear_events(&mut self, events: &mut Events) {
        while let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(50), events.next()).await {
            self.hear(event);
        }
    }

    /// Nobody has told, though much was said of `known`.
    fn holds_no_secret(&self, known: &[&str]) {
        for known in known {
            assert!(self.0.contains(known), "nothing was said of {known}");
        }
        let telling: Vec<_> = self.0.lines().filter(|line| line.contains(CANARY)).collect();
        assert!(telling.is_empty(), "{telling:#?}");
    }
}

#[tokio::test]
async fn no_secret_is_told_by_a_store_in_good_and_in_bad_times() {
    let (logs, _listening) = Logs::listen(Level::TRACE);
    let mut said = Said::default();
    let mut server = RedisServer::configure().tls().password(&format!("{CANARY}-first")).start();
    let ca = server.ca_file().display().to_string();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    fs::write(&file, format!("{CANARY}-first")).unwrap();
    let (plain, secret) = (format!("rediss://default@{}", server.address()), format!("{CANARY}-digest"));
    let config = read(&[
        ("REDIS_URL", &*plain),
        ("REDIS_PASSWORD_FILE", file.to_str().unwrap()),
        ("REDIS_COORDINATION_URL", &server.url()),
        ("REDIS_TLS_CA_FILE", &ca),
        ("REDIS_DIGEST_SECRET", &secret),
        ("REDIS_READ_TIMEOUT", "500"),
        ("REDIS_BREAKER_MIN", "5"),
    ]);
    let store = Store::connect(&config).await.unwrap();
    let second = Store::connect(config.coordination().unwrap()).await.unwrap();
    let exposition = Exposition::install(&Monitor::new(store.clone())).unwrap();
    let mut events = store.events();
    said.hear(&config);
    said.hear(config.warnings());
    for store in [&store, &second] {
        said.hear_of_work(store).await;
    }
    // The password is another one now, and the old one is given again and again.
    server.config_set("requirepass", &format!("{CANARY}-second"));
    Store::connect(&config).await.map_err(|error| said.hear_error(&error)).expect_err("the password is old");
    for store in [&store, &second] {
        store
            .command(Cmd::new("CLIENT").arg("KILL").arg("TYPE").arg("normal").arg("SKIPME").arg("no"))
            .await
            .ok();
        eventually(GUARD, async || !works(store).await).await;
        said.hear_of_work(store).await;
    }
    said.hear_events(&mut events).await;
    fs::write(&file, format!("{CANARY}-second")).unwrap();
    let third = Store::connect(&config).await.unwrap();
    let mut events = third.events();
    server.kill();
    eventually(GUARD, async || !works(&third).await).await;
    for store in [&store, &third] {
        said.hear_of_work(store).await;
    }
    said.hear_of_work(&second).await;
    said.hear_events(&mut events).await;
    said.hear(exposition.render().await.lines().collect::<Vec<_>>());
    said.hear(store.shutdown(Duration::from_secs(1)).await);
    logs.lines().iter().for_each(|line| said.hear(line));
    said.holds_no_secret(&[
        "the server refused the credentials",
        "redstart_connection",
        "Lost {",
        "ConnectFailed {",
        "BreakerOpened {",
        "redstart_breaker",
        "default@",
    ]);
}

#[tokio::test]
async fn no_token_is_told_over_http() {
    let (logs, _listening) = Logs::listen(Level::TRACE);
    let mut said = Said::default();
    let server = RedisServer::start();
    let token = format!("{CANARY}-token");
    let bridge = RestBridge::start(&server, &token);
    let url = bridge.url();
    let config = read(&[("REDIS_REST_URL", &*url), ("REDIS_REST_TOKEN", &token)]);
    let store = Store::connect(&config).await.unwrap();
    said.hear(&config);
    said.hear_of_work(&store).await;
    bridge.set_token("another");
    said.hear_of_work(&store).await;
    bridge.set(RestFault::None);
    drop(bridge);
    said.hear_of_work(&store).await;
    logs.lines().iter().for_each(|line| said.hear(line));
    said.holds_no_secret(&["redstart_connection", "Auth", "Unavailable"]);
}

#[tokio::test]
async fn no_secret_of_the_sentinels_is_told() {
    let (logs, _listening) = Logs::listen(Level::TRACE);
    let mut said = Said::default();
    // A server that is no sentinel, and knows nobody by that password.
    let server = RedisServer::configure().password("other").start();
    let (address, password) = (server.address().to_string(), format!("{CANARY}-sentinel"));
    let config = read(&[
        ("REDIS_NODES", &*address),
        ("REDIS_SENTINEL_MASTER", "shop"),
        ("REDIS_SENTINEL_USERNAME", "watcher"),
        ("REDIS_SENTINEL_PASSWORD", &password),
        ("REDIS_PASSWORD", &password),
        ("REDIS_READ_TIMEOUT", "500"),
    ]);
    said.hear(&config);
    let store = Store::lazy(&config).unwrap();
    let mut events = store.events();
    said.hear_of_work(&store).await;
    said.hear_events(&mut events).await;
    logs.lines().iter().for_each(|line| said.hear(line));
    said.holds_no_secret(&["watcher", "shop", "ConnectFailed {"]);
}
