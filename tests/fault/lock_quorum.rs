//! A lock over several servers, some of which are killed, frozen, or forget.

use std::time::Duration;

use redstart_connection::{Config, Store};
use redstart_keys::{Category, Entity, Key, Ttl};
use redstart_lock::{Fence, LockError, Loss, QuorumLocks, QuorumRequest, Release};
use redstart_testkit::{RedisServer, eventually, fresh_prefix};

use crate::support::GUARD;

const LEDGER: Entity<u64> = Entity::new(Category::Lock, "ledger").ttl(Ttl::minutes(5));
const TTL: Ttl = Ttl::seconds(2);

fn key() -> Key {
    LEDGER.key(&1)
}

/// Independent servers, and two processes that want the same lock.
struct Site {
    servers: Vec<RedisServer>,
    prefix: String,
}

impl Site {
    fn of(count: usize) -> Self {
        Self { servers: (0..count).map(|_| RedisServer::start()).collect(), prefix: fresh_prefix() }
    }

    fn process(&self) -> QuorumLocks {
        QuorumLocks::new(self.servers.iter().map(|server| {
            let config = Config::from_url(&server.url()).and_then(|config| config.with_prefix(&self.prefix));
            Store::lazy(&config.unwrap().with_command_timeout(Duration::from_millis(100))).unwrap()
        }))
    }

    /// On how many servers somebody holds the lock.
    fn holding(&self, running: &[usize]) -> usize {
        let held = |&server: &usize| {
            let names = self.servers[server].raw().keys(&self.prefix);
            names.iter().any(|name| name.ends_with("{1}"))
        };
        running.iter().filter(|server| held(server)).count()
    }
}

fn request(locks: &QuorumLocks) -> QuorumRequest {
    locks.lock(&key()).ttl(TTL).wait(GUARD)
}

async fn cycle(locks: &QuorumLocks) -> Fence {
    let guard = request(locks).acquire().await.unwrap();
    let fence = guard.fence();
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    fence
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lock_outlives_the_loss_of_fewer_than_half_of_its_servers() {
    for (count, lost) in [(3, 1), (5, 2)] {
        let mut site = Site::of(count);
        let (ours, theirs) = (site.process(), site.process());
        let before = cycle(&ours).await;
        let guard = request(&ours).acquire().await.unwrap();
        for server in &mut site.servers[..lost] {
            server.kill();
        }
        // Longer than a lease: without renewals it would be over.
        tokio::time::sleep(TTL.as_duration() + Duration::from_millis(200)).await;
        assert!(!guard.valid_for().is_zero());
        assert!(matches!(
            theirs.lock(&key()).ttl(TTL).wait(Duration::ZERO).acquire().await,
            Err(LockError::Busy { .. })
        ));
        let held = guard.fence();
        assert_eq!(guard.release().await.unwrap(), Release::Released);
        assert!(before < held && held < cycle(&theirs).await);
        let left: Vec<usize> = (lost..count).collect();
        eventually(GUARD, async || site.holding(&left) == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_majority_nothing_is_granted_and_what_was_is_lost() {
    let mut site = Site::of(3);
    let (ours, theirs) = (site.process(), site.process());
    let guard = request(&ours).acquire().await.unwrap();
    site.servers[0].kill();
    site.servers[1].kill();
    let lost = tokio::time::timeout(GUARD, guard.lost()).await.expect("it is told");
    assert_eq!(lost, Loss::Expired);
    assert!(guard.valid_for().is_zero());
    let refused = theirs.lock(&key()).ttl(TTL).wait(Duration::ZERO).acquire().await;
    assert!(matches!(refused, Err(LockError::Unavailable(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_server_neither_stops_the_lock_nor_gives_it_away() {
    let mut site = Site::of(3);
    let (ours, theirs) = (site.process(), site.process());
    let first = cycle(&ours).await;
    site.servers[2].freeze();
    let guard = request(&ours).acquire().await.unwrap();
    assert!(first < guard.fence());
    site.servers[2].thaw();
    // It answers what was asked while it was frozen; the two others decide.
    let refused = theirs.lock(&key()).ttl(TTL).wait(Duration::ZERO).acquire().await;
    assert!(matches!(refused, Err(LockError::Busy { .. })), "{refused:?}");
    let held = guard.fence();
    guard.release().await.unwrap();
    assert!(held < cycle(&theirs).await);
    eventually(GUARD, async || site.holding(&[0, 1, 2]) == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_that_forgot_does_not_let_a_second_holder_in() {
    let mut site = Site::of(3);
    let (ours, theirs) = (site.process(), site.process());
    let guard = request(&ours).acquire().await.unwrap();
    site.servers[0].restart();
    for _ in 0..5 {
        let refused = theirs.lock(&key()).ttl(TTL).wait(Duration::ZERO).acquire().await;
        assert!(matches!(refused, Err(LockError::Busy { .. } | LockError::Unavailable(_))), "{refused:?}");
    }
    assert!(!guard.valid_for().is_zero());
    let held = guard.fence();
    guard.release().await.unwrap();
    assert!(held < cycle(&theirs).await);
}
