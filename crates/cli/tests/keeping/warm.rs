//! Warming through the endpoint of a service.

use std::time::Duration;

use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use redstart_cache::{Cache, Ids, Warmer, Warming};
use redstart_connection::{Config, Store};
use redstart_http::{AdminToken, OpsState, admin_router};
use redstart_keys::{Category, Entity, Ttl};
use redstart_monitor::Monitor;
use redstart_testkit::{RedisServer, Reply};
use tokio::{net::TcpListener, task::block_in_place, time::sleep};

use crate::support::{Said, command, finish};

const TOKEN: &str = "gX7-4fQz1mWb0dKe8sRt";
const PRODUCT: Entity<u64> = Entity::new(Category::Cache, "product").ttl(Ttl::hours(1));

/// A service with a warmer of 300 products that loads one in a while; answers with its address.
async fn service(store: &Store, fails: bool) -> String {
    let products = Cache::<u64, String>::new(store, &PRODUCT);
    let load = move |ids: Vec<u64>| async move {
        sleep(Duration::from_millis(20)).await;
        if fails {
            return Err(std::io::Error::other("the database is away"));
        }
        Ok(ids.into_iter().map(|id| (id, format!("product {id}"))).collect())
    };
    let warmer = Warmer::new(store).cache(Warming::new(&products, Ids::these(1..=300), load));
    let state = OpsState::new(Monitor::new(store.clone())).with_warmer(&warmer);
    let router = admin_router(state, AdminToken::new(TOKEN).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let tasks = store.tasks().clone();
    store.tasks().spawn("service", async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(router.clone());
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tasks.spawn("connection", async move { drop(connection.await) });
        }
    });
    address
}

fn warm(address: &str, token: &str) -> Said {
    let mut command = command(&["--json", "keys", "warm", "--service", address]);
    command.env("ADMIN_TOKEN", token);
    block_in_place(|| finish(command.spawn().unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_warms_what_is_not_there() {
    let server = RedisServer::start();
    let store = Store::lazy(&Config::from_url(&server.url()).unwrap()).unwrap();
    let address = service(&store, false).await;
    let first = warm(&address, TOKEN).ended(0).json();
    assert_eq!((&first["progress"]["warmed"], &first["progress"]["skipped"]), (&300.into(), &0.into()));
    let there =
        block_in_place(|| server.raw().command(&["EXISTS", "cache:product:{1}", "cache:product:{300}"]));
    assert_eq!(there, Reply::Int(2));
    let again = warm(&address, TOKEN).ended(0).json();
    assert_eq!((&again["progress"]["warmed"], &again["progress"]["skipped"]), (&0.into(), &300.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_of_any_kind_is_told() {
    let server = RedisServer::start();
    let store = Store::lazy(&Config::from_url(&server.url()).unwrap()).unwrap();
    let broken = service(&store, true).await;
    let failed = warm(&broken, TOKEN).ended(1).json();
    assert!(failed["report"]["caches"][0]["error"].as_str().unwrap().contains("database"), "{failed}");
    assert!(warm(&broken, "another token than that").ended(3).err.contains("refused the token"));
    assert!(warm("http://127.0.0.1:9", TOKEN).ended(3).err.contains("check that the service runs"));
    assert!(warm("https://127.0.0.1:9", TOKEN).ended(3).err.contains("no connection"));
    assert!(warm("shop.example", TOKEN).ended(2).err.contains("--service shop.example"));
}
