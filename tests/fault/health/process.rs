//! What this process has recorded of itself.

use std::sync::OnceLock;

use redstart_connection::{Config, Store};
use redstart_keys::{Category, Entity, Ttl};
use redstart_lock::{Locks, Loss};
use redstart_monitor::{Exposition, Monitor, Severity};
use redstart_ratelimit::{Limiter, OnOutage, Policy, Source};
use redstart_testkit::{RedisServer, eventually};
use tokio::time::timeout;

use super::Ward;
use crate::support::GUARD;

const OPEN: Policy = Policy::per_hour("open", 10).on_outage(OnOutage::Allow);
const PAYOUT: Entity<u64> = Entity::new(Category::Lock, "payout").ttl(Ttl::minutes(5));

impl Ward {
    /// A ward that takes in what is recorded, as a service has it that shows its metrics.
    fn recording(server: &RedisServer) -> Self {
        static RECORDER: OnceLock<Exposition> = OnceLock::new();
        let ward = Self::with(&Config::from_url(&server.url()).unwrap());
        let exposition =
            RECORDER.get_or_init(|| Exposition::install(&Monitor::new(Store::memory())).unwrap());
        ward.monitor.read_recorded(|| exposition.recorded());
        ward
    }
}

#[tokio::test]
async fn limits_decided_without_the_server() {
    let mut server = RedisServer::start();
    let ward = Ward::recording(&server);
    let limiter = Limiter::new(ward.store.clone());
    ward.forget().await;
    ward.is_well("limiter-errors").await;
    server.kill();
    assert_eq!(limiter.check(&OPEN, 1).await.source(), Source::Unavailable);
    ward.is_sick("limiter-errors", Severity::Critical, "Bring the server back").await;
    server.restart();
    eventually(GUARD, async || limiter.check(&OPEN, 1).await.source() == Source::Redis).await;
    ward.forget().await;
    ward.is_well("limiter-errors").await;
}

#[tokio::test]
async fn lock_that_is_lost() {
    let server = RedisServer::start();
    let ward = Ward::recording(&server);
    // Leases are renewed as time really passes.
    let locks = Locks::new(crate::support::store(&server));
    ward.forget().await;
    ward.is_well("lock-losses").await;
    let guard = locks.lock(&PAYOUT.key(&1)).ttl(Ttl::millis(900)).acquire().await.unwrap();
    locks.force_release(&PAYOUT.key(&1)).await.unwrap();
    assert_eq!(timeout(GUARD, guard.lost()).await.unwrap(), Loss::Gone);
    drop(guard);
    ward.is_sick("lock-losses", Severity::Warning, "lengthen the TTL").await;
    // With a longer one nothing is lost.
    ward.forget().await;
    let guard = locks.lock(&PAYOUT.key(&1)).ttl(Ttl::minutes(5)).acquire().await.unwrap();
    guard.release().await.unwrap();
    ward.is_well("lock-losses").await;
}
