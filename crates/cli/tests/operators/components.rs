//! Each component at work as the user that `security --acl` makes for it: nothing that it does is refused.

use std::time::Duration;

use redstart_cache::Cache;
use redstart_cli::security::{AccessRules, Component};
use redstart_connection::{Config, Store};
use redstart_jobs::{Failure, Job, Jobs, NewJob};
use redstart_keys::{Category, Entity, Pattern, TextId, Ttl};
use redstart_lock::Locks;
use redstart_monitor::{CensusPlan, Monitor, Told};
use redstart_ratelimit::{Concurrency, Entry, Limiter, Places, Policy, Subject};
use redstart_state::{
    Begun, Codes, Counters, EventStream, Fingerprint, FlagRule, Flags, Idempotency, Sent, Sessions, Visitors,
};
use redstart_testkit::{RedisServer, eventually};

const PATIENCE: Duration = Duration::from_secs(10);

const EXPORTS: Concurrency = Concurrency::new("running-exports", 1);

const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
const RUN: Entity<u64> = Entity::new(Category::Lock, "run").ttl(Ttl::minutes(5));
const WEB: Entity<TextId> = Entity::new(Category::Session, "web").ttl(Ttl::hours(1));
const PAYMENT: Entity<u64> = Entity::new(Category::Idempotency, "payment").ttl(Ttl::hours(24));
const VIEWS: Entity<u64> = Entity::new(Category::Counter, "views").ttl(Ttl::hours(24));
const SEEN: Entity<u64> = Entity::new(Category::Counter, "seen").ttl(Ttl::hours(24));
const FEATURE: Entity<TextId> = Entity::new(Category::Flag, "feature").persistent();
const EMAIL: Entity<TextId> = Entity::new(Category::Verification, "email").ttl(Ttl::minutes(10)).sensitive();
const CHANGES: Entity<TextId> = Entity::new(Category::Jobs, "changes").ttl(Ttl::days(1));
const MAIL: Entity<TextId> = Entity::new(Category::Jobs, "mail").persistent();

/// A server with one user, for these components and nothing else.
struct Desk {
    server: RedisServer,
    store: Store,
}

impl Desk {
    async fn of(component: Component) -> Self {
        let server = RedisServer::configure().password("admin").start();
        let config = Config::from_url(&server.url()).expect("an address").with_prefix("prod:shop");
        let config = config.expect("a prefix").with_command_timeout(PATIENCE).with_connect_timeout(PATIENCE);
        let mut rules = AccessRules::of(&[component], "prod:shop");
        let admin = Store::lazy(&config).expect("a configuration");
        let unknown = rules.unknown_to(&admin).await.expect("the server answers");
        rules.leave_out(&unknown);
        let words: Vec<_> = rules.words().collect();
        let begin = ["ACL", "SETUSER", "app", "on", ">secret"].map(str::to_owned);
        server.raw().command(&[&begin[..], &words].concat());
        server.raw().command(&["ACL", "LOG", "RESET"]);
        let config = config.with_username("app").with_password("secret");
        Self { store: Store::lazy(&config).expect("a configuration"), server }
    }

    /// Nothing was refused, whoever sent it and whoever swallowed the error.
    fn nothing_was_refused(&self) {
        let log = self.server.raw().command(&["ACL", "LOG"]).array();
        assert!(log.is_empty(), "the server refused: {log:?}");
    }
}

#[tokio::test]
async fn cache_works_with_its_own_rules() {
    let desk = Desk::of(Component::Cache).await;
    let users = Cache::<u64, String>::new(&desk.store, &USER);
    users.ready().await;
    let load = || async { Ok::<_, std::io::Error>(Some("Ada".to_owned())) };
    for id in 0..3 {
        users.get_or_load(&id, load).await.expect("loads");
    }
    users.set(&7, &"Bob".to_owned()).await.expect("sets");
    users.expire(&7).await.expect("expires");
    users.invalidate(&7).await.expect("invalidates");
    redstart_cache::sweep(&desk.store, &Pattern::parse("cache:user:*").expect("a pattern"))
        .await
        .expect("sweeps");
    users.clear().await.expect("clears");
    desk.nothing_was_refused();
}

#[tokio::test]
async fn locks_work_with_their_own_rules() {
    let desk = Desk::of(Component::Lock).await;
    let locks = Locks::new(desk.store.clone());
    let request = || locks.lock(&RUN.key(&1)).ttl(Ttl::seconds(15)).wait(PATIENCE);
    let guard = request().acquire().await.expect("it is free");
    let waiting = request();
    let (second, released) = tokio::join!(waiting.acquire(), async {
        let waits =
            async || locks.holder(&RUN.key(&1)).await.expect("tells").is_some_and(|held| held.waiting == 1);
        eventually(PATIENCE, waits).await;
        guard.release().await
    });
    released.expect("it was held");
    assert!(locks.is_locked(&RUN.key(&1)).await.expect("tells"));
    second.expect("it comes in turn").release().await.expect("it was held");
    locks.force_release(&RUN.key(&1)).await.expect("tells");
    locks.keeping().await.expect("tells");
    desk.nothing_was_refused();
}

#[tokio::test]
async fn limits_work_with_their_own_rules() {
    let desk = Desk::of(Component::RateLimit).await;
    let limiter = Limiter::new(desk.store.clone()).without_deny_cache();
    let policies = [
        Policy::per_minute("log", 2),
        Policy::per_minute("counter", 1_000),
        Policy::per_minute("burst", 60).burst(5),
        Policy::per_minute("fixed", 60).fixed_window(),
        Policy::per_minute("bucket", 60).bucket(10),
    ];
    for policy in &policies {
        for _ in 0..3 {
            limiter.try_check(policy, 7).await.expect("the server decides");
        }
        assert!(limiter.peek(policy, 7).await.remaining() < policy.limit());
    }
    let both = [(&policies[0], Subject::from(8)), (&policies[2], Subject::from(8))];
    assert!(limiter.check_all(&both).await.is_allowed());

    let places = Places::new(desk.store.clone());
    let Ok(Entry::Entered(place)) = places.enter(&EXPORTS, "ada").await else { panic!("nobody is in") };
    assert!(matches!(places.enter(&EXPORTS, "ada").await, Ok(Entry::Full { .. })));
    place.leave().await.expect("leaves");
    desk.nothing_was_refused();
}

#[tokio::test]
async fn state_works_with_its_own_rules() {
    let desk = Desk::of(Component::State).await;
    let store = &desk.store;
    let sessions = Sessions::<u64>::new(store, &WEB).sliding();
    let session = sessions.open_for("user 7", 42).await.expect("opens");
    assert!(sessions.load(session.id()).await.expect("loads").is_some());
    sessions.end_all("user 7").await.expect("ends");

    let payments = Idempotency::new(store, &PAYMENT);
    let begun = payments.begin(&7, &Fingerprint::of(&[b"order"])).await.expect("begins");
    assert!(matches!(begun, Begun::New(_)), "it is the first");

    let views = Counters::new(store, &VIEWS).with_top(10);
    views.add(&7, 3);
    views.flush().await;
    assert_eq!(views.total(&7, Duration::from_secs(3_600)).await.expect("counts"), 3);
    views.top(10, Duration::from_secs(3_600)).await.expect("counts");
    let seen = Visitors::new(store, &SEEN);
    seen.see(&7, &["ada"]).await.expect("sees");
    seen.count(&7, Duration::from_secs(3_600)).await.expect("counts");

    let flags = Flags::new(store, &FEATURE).with("checkout", FlagRule::OFF);
    flags.set("checkout", &FlagRule::percent(100.0)).await.expect("sets");
    flags.refresh().await.expect("refreshes");
    flags.remove("checkout").await.expect("removes");

    let codes = Codes::new(store, &EMAIL, b"from the secrets of the service");
    let ada = TextId::new("ada@example.com").expect("a short name");
    let Sent::Code(code) = codes.issue(&ada).await.expect("issues") else { panic!("it is the first") };
    codes.verify(&ada, "not it").await.expect("verifies");
    codes.verify(&ada, code.reveal()).await.expect("verifies");

    let all = TextId::new("all").expect("a short name");
    let changes = EventStream::<u32>::new(store, &CHANGES, &all);
    let first = changes.publish(&100).await.expect("publishes");
    changes.publish(&120).await.expect("publishes");
    changes.follow_after(first).next().await.expect("hears");
    desk.nothing_was_refused();
}

#[tokio::test]
async fn jobs_work_with_their_own_rules() {
    let desk = Desk::of(Component::Jobs).await;
    let jobs = Jobs::open(&desk.store).await.expect("opens");
    let mail = jobs.queue::<String>(&MAIL);
    let worker = mail.worker(|job: Job<String>| async move {
        if job.data() == "bad" { Err(Failure::for_good("it is bad")) } else { Ok(()) }
    });
    let worker = worker.start();
    for data in ["good", "bad"] {
        mail.add(NewJob::new("welcome", data.to_owned())).await.expect("adds");
    }
    eventually(PATIENCE, async || mail.depth().await.is_ok_and(|depth| depth.waiting + depth.active == 0))
        .await;
    worker.shutdown(PATIENCE).await;
    desk.nothing_was_refused();
}

#[tokio::test]
async fn monitor_works_with_its_own_rules() {
    let desk = Desk::of(Component::Monitor).await;
    let monitor = Monitor::new(desk.store.clone());
    let (facts, _) = monitor.report().await;
    assert!(facts.server.is_some(), "{facts:?}");
    let inspection = monitor.inspect().await;
    assert!(matches!(inspection.settings, Told::Known(_)), "{inspection:?}");
    monitor.slow_log(10).await.expect("tells");
    monitor.census(&CensusPlan::new(), |_| {}).await.expect("counts");
    desk.nothing_was_refused();
}
