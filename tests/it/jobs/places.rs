//! Jobs where the server is not just one in plain text.

use std::{fs, time::Duration};

use redstart_connection::{Config, PasswordFile, Store, TlsConfig};
use redstart_jobs::{Jobs, JobsError, NewJob, Queue, Worker};
use redstart_testkit::{Cluster, RedisServer, Sentinels, eventually, fresh_prefix};

use super::{EMAIL, GUARD, Log, emails, noting};

async fn carries_out(config: &Config) -> (Queue<u32>, Worker, Log<u32>) {
    let config = config.clone().with_prefix(&fresh_prefix()).unwrap().with_command_timeout(GUARD);
    let (store, log) = (Store::lazy(&config).unwrap(), Log::new());
    let queue = emails(&store).await;
    let worker = noting(&queue, &log);
    queue.add(NewJob::new("welcome", 1)).await.unwrap();
    assert_eq!(log.has(1).await, [1]);
    (queue, worker, log)
}

/// Adds a job until it is taken, and waits until it was carried out.
async fn goes_on(queue: &Queue<u32>, log: &Log<u32>) {
    let job = || NewJob::new("welcome", 2).with_id("after");
    eventually(3 * GUARD, async || queue.add(job()).await.is_ok()).await;
    eventually(3 * GUARD, async || log.entries().contains(&2)).await;
}

#[tokio::test]
async fn queue_is_in_one_slot_of_a_cluster() {
    let cluster = Cluster::start();
    let nodes = cluster.addresses().into_iter().map(|address| address.to_string());
    let config = Config::cluster(nodes).unwrap();
    let (_, worker, _) = carries_out(&config).await;
    worker.shutdown(GUARD).await;
    let jobs = Jobs::open(&Store::lazy(&config).unwrap()).await.unwrap();
    let refused = jobs.clone().with_prefix("bull").unwrap_err();
    assert!(
        matches!(&refused, JobsError::Refused { what } if what.contains("{bull} keeps it together")),
        "{refused}"
    );
    jobs.with_prefix("{bull}").unwrap();
}

#[tokio::test]
async fn worker_follows_the_master() {
    let sentinels = Sentinels::start();
    let addresses = sentinels.sentinel_addresses().into_iter().map(|address| address.to_string());
    let config = Config::sentinel(sentinels.master_name(), addresses).unwrap();
    let (queue, worker, log) = carries_out(&config).await;
    sentinels.failover().await;
    goes_on(&queue, &log).await;
    worker.shutdown(GUARD).await;
}

#[tokio::test]
async fn worker_comes_back_after_a_restart() {
    let mut server = RedisServer::start();
    let (queue, worker, log) = carries_out(&Config::from_url(&server.url()).unwrap()).await;
    server.restart();
    goes_on(&queue, &log).await;
    worker.shutdown(GUARD).await;
}

#[tokio::test]
async fn connections_are_encrypted_and_identified() {
    let server = RedisServer::configure().password("secret").mutual_tls().start();
    let tls = TlsConfig::new().with_ca_file(server.ca_file());
    let identified = tls.clone().with_identity(server.client_cert_file(), server.client_key_file());
    let config = Config::from_url(&server.url()).unwrap();
    let (_, worker, _) = carries_out(&config.clone().with_tls(identified)).await;
    worker.shutdown(GUARD).await;
    assert!(rustls::crypto::CryptoProvider::get_default().is_some(), "libraries find what we encrypt by");

    let stranger = RedisServer::configure().tls().start();
    let distrusting = config.clone().with_tls(TlsConfig::new().with_ca_file(stranger.ca_file()));
    let jobs = Jobs::open(&Store::lazy(&distrusting).unwrap()).await.unwrap();
    let queue: Queue<u32> = jobs.with_deadline(Duration::from_secs(1)).queue(&EMAIL);
    queue.add(NewJob::new("welcome", 1)).await.expect_err("the server is another");

    let elsewhere = config.with_tls(tls.with_server_name("redis.example"));
    let refused = Jobs::open(&Store::lazy(&elsewhere).unwrap()).await.unwrap_err();
    assert!(refused.to_string().contains("redis.example"), "{refused}");
}

#[tokio::test]
async fn new_password_comes_into_use_without_a_restart() {
    let mut server = RedisServer::configure().user("app", "old", "~* &* +@all").start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    fs::write(&file, "old").unwrap();
    let address = server.address();
    let config = Config::from_url(&format!("redis://{address}")).unwrap();
    let provider = PasswordFile::new(&file).with_username("app").with_interval(Duration::from_millis(100));
    let (queue, worker, log) = carries_out(&config.with_credentials(provider)).await;

    fs::write(&file, "new").unwrap();
    let mut raw = server.raw();
    raw.command(&["ACL", "SETUSER", "app", "resetpass", ">new"]);
    raw.command(&["CLIENT", "KILL", "USER", "app"]);
    server.config_set("timeout", "0");

    goes_on(&queue, &log).await;
    worker.shutdown(GUARD).await;
}

#[test]
fn secrets_are_not_shown() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config::from_url("redis://app:sesame@127.0.0.1:6379").unwrap();
    let store = Store::lazy(&config).unwrap();
    let access = runtime.block_on(store.access()).unwrap();
    assert_eq!((access.username(), access.password()), (Some("app"), Some("sesame")));
    let jobs = runtime.block_on(Jobs::open(&store)).unwrap();
    let shown = format!("{access:?} {jobs:?} {:?}", jobs.queue::<u32>(&EMAIL));
    assert!(shown.contains("app") && !shown.contains("sesame"), "{shown}");
}
