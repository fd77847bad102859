//! State while the server is away, slow, lies, or its users are killed.

mod killed;
mod lost_answers;
mod outages;

use redstart_connection::{Config, Store};
use redstart_keys::{Category, Entity, TextId, Ttl};
use redstart_testkit::{Proxy, RedisServer, fresh_prefix};

use crate::support::GUARD;

pub(crate) const WORK: Entity<u64> = Entity::new(Category::Idempotency, "work").ttl(Ttl::hours(24));
pub(crate) const JTI: Entity<TextId> = Entity::new(Category::Idempotency, "jti").ttl(Ttl::hours(1));
pub(crate) const RESET: Entity<TextId> = Entity::new(Category::Verification, "reset").ttl(Ttl::minutes(30));
pub(crate) const EMAIL: Entity<u64> =
    Entity::new(Category::Verification, "email").ttl(Ttl::minutes(10)).sensitive();
pub(crate) const WEB: Entity<TextId> = Entity::new(Category::Session, "web").ttl(Ttl::hours(1));
pub(crate) const VIEWS: Entity<u64> = Entity::new(Category::Counter, "views").ttl(Ttl::hours(24));
pub(crate) const FEATURE: Entity<TextId> = Entity::new(Category::Flag, "feature").persistent();

/// A server, a proxy before it, and a store behind that with the default time-outs.
pub(crate) async fn behind_a_proxy() -> (RedisServer, Proxy, Store) {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let store = crate::support::store_at(&server, proxy.address());
    (server, proxy, store)
}

/// A store under this prefix that waits for answers as long as it takes.
pub(crate) fn patient(server: &RedisServer, prefix: &str) -> Store {
    let config = Config::from_url(&server.url()).and_then(|config| config.with_prefix(prefix)).unwrap();
    Store::lazy(&config.with_command_timeout(GUARD).with_connect_timeout(GUARD)).unwrap()
}

pub(crate) fn prefix() -> String {
    fresh_prefix()
}
