//! Invalidations of moments to come, on a real server; each store here is a process of its own to it.

use std::{convert::Infallible, time::Duration};

use redstart_cache::{Cache, L1, Loaded, Tag, TakeDue};
use redstart_connection::{Config, ErrorKind, Store, Timestamp};
use redstart_keys::{Category, Entity, Key, TextId, Ttl};
use redstart_testkit::{RedisServer, RestBridge, eventually, shared};

use crate::support::{GUARD, config, config_for};

const PRICE: Entity<u64> = Entity::new(Category::Cache, "price").ttl(Ttl::hours(1));
const LOGIN: Entity<TextId> = Entity::new(Category::Cache, "login").ttl(Ttl::hours(1)).sensitive();
/// Long enough for what a test does before, on a busy machine too.
const SOON: Duration = Duration::from_millis(1_500);

type Prices = Cache<u64, String>;

fn process(config: &Config) -> Prices {
    Prices::new(&Store::lazy(config).unwrap(), &PRICE)
}

fn silent_process(config: &Config) -> Prices {
    Prices::builder(&Store::lazy(config).unwrap(), &PRICE).l1(L1::off()).build()
}

async fn read(prices: &Prices, id: u64, or: &str) -> String {
    let load = || async { Ok::<_, Infallible>(or.to_owned()) };
    String::clone(&prices.get_or_load(&id, load).await.unwrap().unwrap())
}

async fn becomes(prices: &Prices, id: u64, new: &str) {
    eventually(GUARD, async || read(prices, id, new).await == new).await;
}

async fn nothing_waits(prices: &Prices) {
    eventually(GUARD, async || prices.scheduled().await.unwrap().waiting == 0).await;
}

/// Puts an invalidation off in a process that ends before its moment.
async fn put_off_by_one_that_ends(config: &Config, id: u64) {
    let store = Store::lazy(config).unwrap();
    Prices::new(&store, &PRICE).invalidate_after(&id, SOON).await.unwrap();
    assert!(store.shutdown(GUARD).await.is_clean());
}

fn queue(config: &Config) -> String {
    format!("{{{}:cache:redstart:#inv}}:due:cache:price", Store::lazy(config).unwrap().prefix())
}

/// Puts off by one process what another does, whether that hears of it or not.
pub(crate) async fn done_by_others(config: &Config) {
    for others in [process, silent_process] {
        let other = others(config);
        other.ready().await;
        read(&other, 1, "old").await;
        put_off_by_one_that_ends(config, 1).await;
        becomes(&other, 1, "new").await;
        nothing_waits(&other).await;
        other.invalidate(&1).await.unwrap();
    }
    let (left, right) = (process(config), process(config));
    let tag = Tag::new("sale").unwrap();
    for clears in [false, true] {
        for id in 1..=2 {
            let load = || async { Ok::<_, Infallible>(Loaded::new("old".to_owned()).tag(tag.clone())) };
            left.get_or_load(&id, load).await.unwrap();
        }
        match clears {
            true => right.clear_after(SOON).await.unwrap(),
            false => right.invalidate_tag_after(&tag, SOON).await.unwrap(),
        };
        for id in 1..=2 {
            becomes(&left, id, "new").await;
        }
        left.clear().await.unwrap();
    }
}

#[tokio::test]
async fn what_one_process_put_off_another_does() {
    done_by_others(&config()).await;
}

#[tokio::test]
async fn what_one_process_put_off_another_does_over_http() {
    let bridge = RestBridge::start(shared(), "token");
    let ours = Config::rest(&bridge.url(), "token").unwrap();
    let prefix = redstart_testkit::fresh_prefix();
    let ours = ours.with_prefix(&prefix).unwrap().with_command_timeout(GUARD).with_connect_timeout(GUARD);
    done_by_others(&ours).await;
}

#[tokio::test]
async fn process_that_begins_does_what_fell_due_before() {
    let config = config();
    let former = Store::lazy(&config).unwrap();
    let prices = Prices::new(&former, &PRICE);
    prices.set(&1, &"old".to_owned()).await.unwrap();
    let at = prices.invalidate_after(&1, SOON).await.unwrap();
    assert!(former.shutdown(GUARD).await.is_clean());
    // The clock of the server decides, and nobody is there when it strikes.
    eventually(GUARD, async || at < server_time(&mut shared().raw())).await;
    let mut raw = shared().raw();
    assert_eq!(raw.command(&["ZCARD", &queue(&config)]).int(), 1);
    becomes(&process(&config), 1, "new").await;
}

fn server_time(raw: &mut redstart_testkit::Raw) -> Timestamp {
    let time = raw.command(&["EVAL", "local t = redis.call('TIME') return t[1] * 1000000 + t[2]", "0"]).int();
    Timestamp::from_micros(time.try_into().unwrap())
}

#[tokio::test]
async fn thousands_of_one_moment_are_done_once_each_by_many_processes() {
    const MANY: u64 = 2_000;
    let server = RedisServer::start();
    let config = config_for(&server);
    let processes: Vec<_> = (0..4).map(|_| process(&config)).collect();
    for prices in &processes {
        prices.ready().await;
    }
    let first = &processes[0];
    let at = server_time(&mut server.raw()).saturating_add(Duration::from_secs(4));
    let ids: Vec<u64> = (0..MANY).collect();
    for ids in ids.chunks(100) {
        let all = ids.iter().map(|id| first.invalidate_at(id, at));
        futures_util::future::try_join_all(all).await.unwrap();
    }
    let is_in_time = server_time(&mut server.raw()) < at;
    nothing_waits(first).await;
    let stream = format!("{}:cache:redstart:#inv", Store::lazy(&config).unwrap().prefix());
    let told = "local told = 0 for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do \
                for i = 1, #entry[2], 2 do if entry[2][i] == 'k' then told = told + 1 end end end return told";
    assert_eq!(server.raw().command(&["EVAL", told, "1", &stream]).int(), MANY.cast_signed());
    let again = "local told = 0 for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do \
                for i = 1, #entry[2], 2 do if entry[2][i] == 'd' then told = told + 1 end end end return told";
    // On a machine that is too slow for this the moment comes while they are still put off.
    let news = server.raw().command(&["EVAL", again, "1", &stream]).int();
    assert!(!is_in_time || news == 1, "the first of a moment is told, and no other: {news}");
}

#[tokio::test]
async fn what_a_process_took_and_did_not_do_another_does() {
    let config = config();
    let dying = Store::lazy(&config).unwrap();
    let former = Store::lazy(&config).unwrap();
    let prices = Prices::new(&former, &PRICE);
    prices.set(&1, &"old".to_owned()).await.unwrap();
    prices.invalidate_after(&1, SOON).await.unwrap();
    assert!(former.shutdown(GUARD).await.is_clean());
    let queue = Key::namespace(Category::Cache, "redstart", "inv").companion("due").companion("cache");
    // As a process that is killed right after its first step.
    let take = TakeDue::new(vec![queue.companion("price")], Duration::from_secs(2), 9);
    eventually(GUARD, async || !dying.run(&take).await.unwrap().due.is_empty()).await;
    let prices = process(&config);
    becomes(&prices, 1, "new").await;
    nothing_waits(&prices).await;
}

#[tokio::test]
async fn nothing_is_left_and_nothing_lives_for_ever() {
    let config = config();
    let prices = process(&config);
    let prefix = Store::lazy(&config).unwrap().prefix().to_string();
    let later = prices.invalidate_after(&1, Duration::from_secs(86_400)).await.unwrap();
    let mut raw = shared().raw();
    assert_eq!(raw.keys_without_ttl(&prefix), [] as [String; 0]);
    let left = raw.command(&["PTTL", &queue(&config)]).int();
    // As long as a value of before the moment may live: an hour, and an hour to spare.
    assert!((86_400_000 + 7_000_000..86_400_000 + 8_000_000).contains(&left), "{left}");
    prices.invalidate_after(&2, SOON).await.unwrap();
    let still = raw.command(&["PTTL", &queue(&config)]).int();
    assert!(86_400_000 < still, "a sooner one does not shorten it");
    assert!(prices.cancel_invalidation(&1, later).await.unwrap());
    nothing_waits(&prices).await;
    assert_eq!(raw.command(&["EXISTS", &queue(&config)]).int(), 0);
}

#[tokio::test]
async fn personal_id_does_not_show_in_what_waits() {
    let config = config();
    let logins = Cache::<TextId, String>::new(&Store::lazy(&config).unwrap(), &LOGIN);
    let id = TextId::new("bob@example.org").unwrap();
    logins.set(&id, &"old".to_owned()).await.unwrap();
    let later = logins.invalidate_after(&id, Duration::from_secs(3_600)).await.unwrap();
    let name = queue(&config).replace("price", "login");
    let all = "return table.concat(redis.call('ZRANGE', KEYS[1], 0, -1))";
    let shown = shared().raw().command(&["EVAL", all, "1", &name]).text();
    assert!(shown.contains("cache:login") && !shown.contains("bob"), "{shown}");
    assert!(logins.cancel_invalidation(&id, later).await.unwrap());
    logins.invalidate_after(&id, Duration::ZERO).await.unwrap();
    eventually(GUARD, async || logins.get(&id).await.unwrap().is_none()).await;
}

#[tokio::test]
async fn what_a_later_version_put_off_keeps_nothing_back() {
    let config = config();
    let prices = process(&config);
    prices.set(&1, &"old".to_owned()).await.unwrap();
    let mut raw = shared().raw();
    for member in ["1:future", "nonsense", "1:v99999:a"] {
        raw.command(&["ZADD", &queue(&config), "1", member]);
    }
    raw.command(&["PEXPIRE", &queue(&config), "60000"]);
    prices.invalidate_after(&1, Duration::ZERO).await.unwrap();
    becomes(&prices, 1, "new").await;
    eventually(GUARD, async || prices.scheduled().await.unwrap().waiting == 3).await;
}

#[tokio::test]
async fn without_a_server_nothing_is_put_off() {
    let mut server = RedisServer::start();
    let prices = process(&config_for(&server).with_command_timeout(Duration::from_millis(300)));
    prices.set(&1, &"old".to_owned()).await.unwrap();
    server.kill();
    let error = prices.invalidate_after(&1, SOON).await.unwrap_err();
    assert!(error.is_transient() && error.kind() != ErrorKind::Unsupported, "{error}");
    assert!(!error.to_string().contains("cache:price:{1}"), "{error}");
}

/// How often the queues were looked at.
fn looks(server: &RedisServer) -> u64 {
    let stats = server.raw().command(&["INFO", "commandstats"]).text();
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_zrange:calls="));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

fn reads_of_the_stream(server: &RedisServer) -> u64 {
    let stats = server.raw().command(&["INFO", "commandstats"]).text();
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_xread:calls="));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn process_that_hears_of_changes_does_not_poll_and_is_told() {
    let server = RedisServer::start();
    let config = config_for(&server);
    let prices = process(&config);
    prices.ready().await;
    read(&prices, 1, "old").await;
    prices.invalidate_after(&2, Duration::from_secs(3_600)).await.unwrap();
    // Whatever it does when it begins.
    let settled = reads_of_the_stream(&server) + 4;
    eventually(GUARD, async || settled <= reads_of_the_stream(&server)).await;
    let (before, later) = (looks(&server), reads_of_the_stream(&server) + 6);
    eventually(GUARD, async || later <= reads_of_the_stream(&server)).await;
    // Who polls looks seven times in that time.
    assert!(looks(&server) <= before + 1, "it knows when the next is due");
    // It would look for itself long after this has been given up.
    put_off_by_one_that_ends(&config, 1).await;
    becomes(&prices, 1, "new").await;
}
