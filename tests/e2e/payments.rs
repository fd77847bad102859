//! A payment is booked once, whatever becomes of its requests.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use redstart_testkit::RedisServer;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::service::Service;

/// Two instances on one server and one database.
struct Shop {
    server: RedisServer,
    folder: TempDir,
}

impl Shop {
    fn new() -> Self {
        Self { server: RedisServer::start(), folder: tempfile::tempdir().unwrap() }
    }

    fn instance(&self, payment_time: &str) -> Service {
        Service::start(&[
            ("REDIS_URL", &self.server.url()),
            ("REDIS_KEY_PREFIX", "shop"),
            ("MARKETPLACE_SECRET", "the same for all instances"),
            ("MARKETPLACE_DB", self.folder.path().join("marketplace.db").to_str().unwrap()),
            ("MARKETPLACE_PAYMENT_TIME", payment_time),
            ("RATE_LIMIT_PAYMENT", "1000000"),
            ("RATE_LIMIT_EXPORT", "1000000"),
            ("RATE_LIMIT_LOGIN", "1000"),
        ])
    }
}

fn log_in(service: &Service) -> String {
    let answer =
        service.post("/api/v1/login", &json!({ "email": "user1@example.com", "password": "password" }));
    answer.json()["token"].as_str().expect("a session").to_owned()
}

/// How often each amount was booked.
fn booked(service: &Service, token: &str) -> BTreeMap<u64, usize> {
    let activity = service.get_as("/api/v1/exports", token).json();
    let mut booked = BTreeMap::new();
    for of in activity["activity"].as_array().unwrap() {
        if of["kind"] == "payment" {
            *booked.entry(of["details"]["amountCents"].as_u64().unwrap()).or_default() += 1;
        }
    }
    booked
}

/// What becomes of a request.
#[derive(Clone, Copy)]
enum Cut {
    InTheRequest,
    BeforeTheAnswer,
    InTheAnswer,
    Never,
}

/// Sends a payment, and cuts the connection; answers the status where it got that far.
fn pay(address: &str, token: &str, amount: usize, cut: Cut) -> Option<u16> {
    let body = json!({ "amountCents": amount }).to_string();
    let request = format!(
        "POST /api/v1/payments HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Idempotency-Key: \"payment-{amount}\"\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let sent = if matches!(cut, Cut::InTheRequest) { &request[..request.len() - 3] } else { &request };
    stream.write_all(sent.as_bytes()).ok()?;
    let mut answer = vec![0; if matches!(cut, Cut::InTheAnswer) { 20 } else { 4096 }];
    match cut {
        Cut::InTheRequest => return None,
        Cut::BeforeTheAnswer => {
            thread::sleep(Duration::from_millis(u64::try_from(amount % 15).unwrap()));
            return None;
        }
        Cut::InTheAnswer | Cut::Never => {
            let read = stream.read(&mut answer).ok()?;
            answer.truncate(read);
        }
    }
    let text = String::from_utf8_lossy(&answer);
    text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

#[test]
fn each_payment_is_booked_once_over_a_thousand_requests_under_cuts() {
    const PAYMENTS: usize = 100;
    const TRIES: usize = 10;
    let shop = Shop::new();
    let fleet = Arc::new([shop.instance("10"), shop.instance("10")]);
    let token = log_in(&fleet[0]);
    let (is_over, statuses) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let cutting = {
        let (mut raw, is_over) = (shop.server.raw(), Arc::clone(&is_over));
        thread::spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                // The connections to Redis are cut as well, but for this one.
                raw.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
                thread::sleep(Duration::from_millis(60));
            }
        })
    };
    let clients: Vec<_> = (0..8)
        .map(|client| {
            let (fleet, token, statuses) = (Arc::clone(&fleet), token.clone(), Arc::clone(&statuses));
            thread::spawn(move || {
                for number in (client..PAYMENTS * TRIES).step_by(8) {
                    let cut = [
                        Cut::InTheRequest,
                        Cut::BeforeTheAnswer,
                        Cut::BeforeTheAnswer,
                        Cut::InTheAnswer,
                        Cut::Never,
                    ];
                    // The tries of one payment come at the same time, from several clients.
                    let (amount, cut) = (number / TRIES + 1, cut[number * 7 / 3 % 5]);
                    let status = pay(fleet[number % 2].address(), &token, amount, cut);
                    if status == Some(201) {
                        statuses.fetch_add(1, Ordering::SeqCst);
                    }
                    assert!(matches!(status, None | Some(201 | 409 | 503)), "{status:?}");
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    is_over.store(true, Ordering::SeqCst);
    cutting.join().unwrap();
    assert!(statuses.load(Ordering::SeqCst) > 0, "no request was answered");
    // Whoever was cut off asks until there is an answer.
    for amount in 1..=PAYMENTS {
        let paid = (0..400).any(|_| {
            thread::sleep(Duration::from_millis(25));
            pay(fleet[0].address(), &token, amount, Cut::Never) == Some(201)
        });
        assert!(paid, "payment {amount} has no answer");
    }
    let booked = booked(&fleet[1], &token);
    assert_eq!(booked.len(), PAYMENTS);
    let twice: Vec<_> = booked.iter().filter(|(_, times)| **times != 1).collect();
    assert!(twice.is_empty(), "booked more than once: {twice:?}");
}

#[test]
fn payment_whose_instance_is_killed_is_made_once_by_another() {
    let shop = Shop::new();
    let (mut slow, quick) = (shop.instance("60000"), shop.instance("0"));
    let token = log_in(&quick);
    let headers = [("Authorization", format!("Bearer {token}")), ("Idempotency-Key", "order-7".to_owned())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let amount = json!({ "amountCents": 700 });
    let (address, of) = (slow.address().to_owned(), token.clone());
    let abandoned = thread::spawn(move || pay_as(&address, &of, "order-7", 700));
    let again = || quick.post_with("/api/v1/payments", &amount, &headers);
    // Until the first has begun, a repeat would be the first.
    let begun = (0..400).any(|_| {
        thread::sleep(Duration::from_millis(25));
        !shop.server.raw().keys("shop:idempotency:request").is_empty()
    });
    assert!(begun, "the first request has begun");
    let answer = again();
    assert_eq!((answer.status, answer.code().as_str()), (409, "REQUEST_IN_PROGRESS"));
    assert_eq!(answer.header("Retry-After"), Some("1"));
    slow.kill();
    assert!(abandoned.join().unwrap().is_none());
    assert_eq!(again().status, 409, "the lease outlives the instance");
    let answer = (0..80)
        .find_map(|_| {
            thread::sleep(Duration::from_millis(250));
            Some(again()).filter(|answer| answer.status != 409)
        })
        .expect("the lease ends");
    assert_eq!((answer.status, answer.header("Idempotent-Replayed")), (201, None));
    let repeat = again();
    assert_eq!((repeat.status, repeat.header("Idempotent-Replayed")), (201, Some("true")));
    assert_eq!(repeat.text(), answer.text());
    assert_eq!(booked(&quick, &token), [(700, 1)].into());
    let other = quick.post_with("/api/v1/payments", &json!({ "amountCents": 701 }), &headers);
    assert_eq!((other.status, other.code().as_str()), (422, "IDEMPOTENCY_KEY_REUSED"));
}

/// Pays under this key, however long it takes.
fn pay_as(address: &str, token: &str, key: &str, amount: u64) -> Option<Value> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(90))).build().into();
    let request = agent.post(format!("http://{address}/api/v1/payments"));
    let request = request.header("Authorization", format!("Bearer {token}")).header("Idempotency-Key", key);
    let request = request.header("Content-Type", "application/json");
    let answer = request.send(json!({ "amountCents": amount }).to_string()).ok()?;
    serde_json::from_reader(answer.into_body().into_reader()).ok()
}
