//! Alerts on a real server, told to a real receiver.

mod receiver;

use std::time::Duration;

use redstart_connection::{Clock, Store, Timestamp};
use redstart_monitor::{AlertPhase, AlertSettings, AlertTable, Alerts, Monitor, Webhook};
use redstart_testkit::RedisServer;
use serde_json::Value;

use self::receiver::Receiver;
use crate::support::config_for;

const SECRET: &str = "whsec_c2VjcmV0LW9mLXRoZS1ob29r";

/// A server whose memory can be made to look full, and alerts whose time a test moves.
struct Bench {
    server: RedisServer,
    store: Store,
    clock: Clock,
    alerts: Alerts,
}

impl Bench {
    fn new(webhook: Webhook) -> Self {
        let server = RedisServer::start();
        // So much that what connections take does not matter.
        server.raw().command(&["SETRANGE", "ballast", "20000000", "x"]);
        let clock = Clock::manual(Timestamp::from_micros(1_795_181_319_873_000));
        let store = Store::lazy_with(&config_for(&server), clock.clone()).unwrap();
        let webhook = webhook.with_first_pause(Duration::from_millis(10));
        let memory = AlertTable::default().get("memory").unwrap().clone();
        let alerts = AlertSettings::new(&Monitor::new(store.clone()))
            .with_table(AlertTable::empty().with(memory))
            .with_source("shop-1")
            .with_webhook(webhook)
            .start();
        Self { server, store, clock, alerts }
    }

    /// Sets the bound of the memory so that this share of it is in use.
    fn use_memory(&mut self, share: f64) {
        let info = self.server.raw().command(&["INFO", "memory"]).text();
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
        let bound = used.trim().parse::<f64>().unwrap() / share;
        self.server.config_set("maxmemory", &format!("{bound:.0}"));
    }

    /// Judges every ten seconds for so long.
    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds / 10 {
            self.clock.advance(Duration::from_secs(10));
            self.alerts.judge().await;
        }
    }

    fn phases(&self) -> Vec<(AlertPhase, &'static str)> {
        self.alerts.list().alerts.iter().map(|alert| (alert.phase, alert.severity.name())).collect()
    }

    async fn end(self) {
        assert!(self.store.shutdown(Duration::from_secs(5)).await.is_clean());
        assert_eq!(self.store.tasks().running(), 0, "every task ends with the store");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alert_is_pending_fires_and_is_over_once_each() {
    let mut receiver = Receiver::start().await;
    let mut bench = Bench::new(Webhook::json(receiver.address()).unwrap().signed_with(SECRET).unwrap());
    bench.use_memory(0.5);
    bench.pass(60).await;
    assert_eq!(bench.phases(), []);

    bench.use_memory(0.95);
    bench.pass(30).await;
    assert_eq!(bench.phases(), [(AlertPhase::Pending, "critical"), (AlertPhase::Pending, "warning")]);
    assert!(receiver.rest().is_empty());

    receiver.answer_next(503);
    receiver.answer_next(429);
    bench.pass(40).await;
    assert_eq!(bench.phases(), [(AlertPhase::Firing, "critical"), (AlertPhase::Firing, "warning")]);
    let first = receiver.next().await;
    assert_eq!((&first.body["status"], &first.body["alert"]), (&"firing".into(), &"memory".into()));
    assert_eq!((&first.body["severity"], &first.body["source"]), (&"critical".into(), &"shop-1".into()));
    assert!(first.body["value"].as_f64().unwrap() > 0.85, "{first:?}");
    // The same again, since the receiver was not well: told by its id.
    for _ in 0..2 {
        let again = receiver.next().await;
        assert_eq!((again.header("webhook-id"), &again.body), (first.header("webhook-id"), &first.body));
        assert!(again.header("webhook-signature").starts_with("v1,"));
    }

    bench.pass(600).await;
    bench.use_memory(0.5);
    bench.pass(80).await;
    assert_eq!(bench.phases(), [(AlertPhase::Resolved, "warning"), (AlertPhase::Resolved, "critical")]);
    let over = receiver.next().await;
    assert_eq!((&over.body["status"], &over.body["severity"]), (&"resolved".into(), &"critical".into()));
    assert_ne!(over.header("webhook-id"), first.header("webhook-id"));

    bench.pass(600).await;
    let rest = receiver.rest();
    assert!(rest.is_empty(), "{rest:?}");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flapping_value_is_told_to_nobody() {
    let mut receiver = Receiver::start().await;
    let mut bench = Bench::new(Webhook::json(receiver.address()).unwrap());
    for _ in 0..30 {
        bench.use_memory(0.95);
        bench.pass(20).await;
        bench.use_memory(0.5);
        bench.pass(10).await;
    }
    bench.use_memory(0.95);
    bench.pass(70).await;
    assert_eq!(receiver.next().await.body["status"], "firing");
    for _ in 0..30 {
        bench.use_memory(0.5);
        bench.pass(50).await;
        bench.use_memory(0.95);
        bench.pass(10).await;
    }
    // Were there others, they would have come before this one.
    bench.use_memory(0.5);
    bench.pass(80).await;
    assert_eq!(receiver.next().await.body["status"], "resolved");
    assert!(receiver.rest().is_empty());
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slack_is_told_in_its_own_words_and_a_refusal_is_final() {
    let mut receiver = Receiver::start().await;
    let mut bench = Bench::new(Webhook::slack(receiver.address()).unwrap());
    receiver.answer_next(404);
    bench.use_memory(0.83);
    bench.pass(70).await;
    let refused = receiver.next().await;
    let attachment = &refused.body["attachments"][0];
    assert_eq!((&attachment["color"], &attachment["title"]), (&"warning".into(), &"WARNING: memory".into()));
    assert!(refused.body["text"].as_str().unwrap().starts_with("WARNING: memory – the server's memory"));
    assert!(!refused.headers.contains_key("webhook-signature"));
    bench.use_memory(0.5);
    bench.pass(80).await;
    assert_eq!(receiver.next().await.body["attachments"][0]["color"], Value::from("good"));
    assert!(receiver.rest().is_empty());
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receiver_that_is_away_is_asked_again() {
    let mut receiver = Receiver::start().await;
    // Its place, and nobody there yet.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut bench = Bench::new(Webhook::json(&format!("http://{address}/hooks/T0/SECRET")).unwrap());
    bench.use_memory(0.83);
    bench.pass(70).await;
    assert_eq!(bench.phases(), [(AlertPhase::Firing, "warning")]);
    let there = tokio::net::TcpListener::bind(address).await.unwrap();
    let way = receiver.address().trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let forwarding = async {
        while let Ok((mut near, _)) = there.accept().await {
            let mut far = tokio::net::TcpStream::connect(&way).await.unwrap();
            drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
        }
    };
    let told = tokio::select! {
        () = forwarding => unreachable!("it forwards for ever"),
        told = receiver.next() => told,
    };
    assert_eq!(told.body["alert"], "memory");
    bench.end().await;
}
