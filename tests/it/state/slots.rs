//! State on a cluster, whose slots keep keys apart.

use std::time::Duration;

use redstart_connection::{Config, Store};
use redstart_keys::{Category, Entity, TextId, Ttl};
use redstart_state::{
    Change, Codes, Counters, FlagRule, Flags, OnceTokens, Sent, Sessions, Verdict, Visitors,
};
use redstart_testkit::{Cluster, fresh_prefix};

use crate::support::GUARD;

const EMAIL: Entity<u64> = Entity::new(Category::Verification, "email").ttl(Ttl::minutes(10)).sensitive();
const RESET: Entity<TextId> = Entity::new(Category::Verification, "reset").ttl(Ttl::minutes(30));
const WEB: Entity<TextId> = Entity::new(Category::Session, "web").ttl(Ttl::hours(1));
const VIEWS: Entity<u64> = Entity::new(Category::Counter, "views").ttl(Ttl::days(3));
const FEATURE: Entity<TextId> = Entity::new(Category::Flag, "feature").persistent();

async fn everything_works(store: &Store) {
    let sessions = Sessions::<u64>::new(store, &WEB);
    let counters = Counters::new(store, &VIEWS).with_top(50);
    let codes = Codes::new(store, &EMAIL, b"secret of the service");
    let tokens = OnceTokens::<u64>::new(store, &RESET);
    let visitors = Visitors::new(store, &VIEWS);
    let flags = Flags::new(store, &FEATURE).with("a", FlagRule::OFF).with("b", FlagRule::OFF);
    for id in 0..20 {
        let owner = id.to_string();
        let session = sessions.open(id).await.unwrap();
        let Change::Done(session) = sessions.renew_for(&owner, &session).await.unwrap() else { panic!() };
        let Change::Done(session) = sessions.renew(&session).await.unwrap() else { panic!() };
        sessions.open_for(&owner, id).await.unwrap();
        assert_eq!(sessions.of_owner(&owner).await.unwrap().len(), 2);
        assert_eq!(sessions.end_others(session.id()).await.unwrap(), 1);
        let Sent::Code(code) = codes.issue(&id).await.unwrap() else { panic!() };
        assert_eq!(codes.verify(&id, code.reveal()).await.unwrap(), Verdict::Verified);
        let token = tokens.issue_for(&owner, &id).await.unwrap();
        assert_eq!(tokens.redeem(&token).await.unwrap(), Some(id));
        counters.add(&id, id + 1);
        visitors.see(&id, &["ada", "eve"]).await.unwrap();
        assert_eq!(visitors.count(&id, Duration::from_secs(3 * 24 * 3600)).await.unwrap(), 2);
    }
    assert_eq!(counters.flush().await.waiting, 0);
    assert_eq!(counters.top(1, Duration::from_secs(3600)).await.unwrap(), [("19".to_owned(), 20)]);
    assert_eq!(counters.total(&7, Duration::from_secs(3600)).await.unwrap(), 8);
    flags.set("a", &FlagRule::ON).await.unwrap();
    flags.refresh().await.unwrap();
    assert!(flags.is_on("a", None, &[]) && !flags.is_on("b", None, &[]));
}

#[tokio::test]
async fn everything_works_on_memory_too() {
    everything_works(&Store::memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_on_a_cluster() {
    let cluster = Cluster::start();
    let nodes = cluster.addresses().into_iter().map(|address| address.to_string());
    let config = Config::cluster(nodes).and_then(|config| config.with_prefix(&fresh_prefix())).unwrap();
    let config = config.with_command_timeout(GUARD).with_connect_timeout(GUARD);
    everything_works(&Store::connect(&config).await.unwrap()).await;
}
