//! The limits of the example service, each as the specification names it.

use std::{
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use redstart_testkit::{Cluster, RedisServer, fresh_prefix};
use serde_json::{Value, json};

use crate::service::{Answer, Service};

const ADMIN: &str = "an-administrators-token-for-tests";
const STATED: [(&str, &str); 5] = [
    ("RATE_LIMIT_PUBLIC", "60"),
    ("RATE_LIMIT_AUTHENTICATED", "120"),
    ("RATE_LIMIT_API", "1000"),
    ("RATE_LIMIT_DEFAULT", "100"),
    ("ADMIN_TOKEN", ADMIN),
];

fn log_in(service: &Service, user: u32) -> String {
    let email = format!("user{user}@example.com");
    let answer = service.post("/api/v1/login", &json!({ "email": email, "password": "password" }));
    answer.json()["token"].as_str().expect("a session").to_owned()
}

/// Asks until it is refused; answers how often it was not.
fn admitted(mut ask: impl FnMut() -> Answer) -> usize {
    for turn in 0..2_000 {
        let answer = ask();
        if answer.status == 429 {
            assert_eq!(answer.code(), "RATE_LIMITED");
            assert!(answer.header("Retry-After").is_some_and(|wait| wait.parse::<u64>().unwrap() >= 1));
            return turn;
        }
        assert!(answer.status < 300, "{}: {}", answer.status, answer.text());
        assert!(answer.header("X-RateLimit-Remaining").is_some());
    }
    panic!("never refused");
}

#[test]
fn each_endpoint_has_its_own_limit() {
    let service = Service::start(&[("RATE_LIMIT_LOGIN", "100")]);
    let token = log_in(&service, 1);
    let product = json!({ "productId": 1 });
    for (path, body, limit) in [
        ("/api/v1/messages", json!({ "text": "hello" }), 100),
        ("/api/v1/bookings", product.clone(), 10),
        ("/api/v1/payments", json!({ "amountCents": 100 }), 10),
        ("/api/v1/uploads", json!({ "name": "a.png", "bytes": 10 }), 50),
    ] {
        assert_eq!(admitted(|| service.post_as(path, &body, &token)), limit, "{path}");
    }
    assert_eq!(admitted(|| service.get_as("/api/v1/exports", &token)), 10);
    for (path, limit) in [
        ("/api/v1/search?q=a", 60),
        ("/api/v1/scholarships", 60),
        ("/api/v1/recommendations", 30),
        ("/api/v1/analytics/all", 100),
    ] {
        assert_eq!(admitted(|| service.get(path)), limit, "{path}");
    }
    assert_eq!(admitted(|| service.post("/api/v1/interactions", &product)), 120);
    let place = json!({ "postcode": "2000" });
    assert_eq!(admitted(|| service.post("/api/v1/eligibility/check", &place)), 30);
    let email = json!({ "email": "nobody@example.com" });
    assert_eq!(admitted(|| service.post("/api/v1/password-resets", &email)), 3);
}

#[test]
fn visitors_users_and_administrators_have_limits_of_their_own() {
    let service = Service::start(&STATED);
    let token = log_in(&service, 1);
    assert_eq!(admitted(|| service.get("/api/v1/users/1")), 60);
    // What has a limit of its own goes on.
    assert_eq!(service.get("/api/v1/search?q=a").status, 200);
    assert_eq!(admitted(|| service.get_as("/api/v1/users/1", &token)), 100);
    assert_eq!(admitted(|| service.get_as("/api/v1/brands/1", &token)), 20);
    assert_eq!(admitted(|| service.get_as("/api/admin/redis/health", ADMIN)), 300);
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(service.get(path).status, 200, "{path}");
    }
}

#[test]
fn payments_are_limited_by_user_and_by_address() {
    let service = Service::start(&[("RATE_LIMIT_LOGIN", "100")]);
    let pay = json!({ "amountCents": 100 });
    let users = [1, 2].map(|user| log_in(&service, user));
    for turn in 0..10 {
        assert_eq!(service.post_as("/api/v1/payments", &pay, &users[turn % 2]).status, 201);
    }
    // The address is used up, and what it refuses is charged to no user.
    let refused = service.post_as("/api/v1/payments", &pay, &users[0]);
    assert_eq!((refused.status, refused.header("Cache-Control")), (429, Some("no-store")));
    assert_eq!(refused.header("X-RateLimit-Limit"), Some("10"));
}

#[test]
fn violations_are_shown_to_administrators_without_personal_data() {
    let service =
        Service::start(&[("ADMIN_TOKEN", ADMIN), ("RATE_LIMIT_SEARCH", "1"), ("RATE_LIMIT_LOGIN", "1")]);
    let wrong = json!({ "email": "victim@example.com", "password": "guess" });
    for _ in 0..3 {
        service.get("/api/v1/search?q=a");
        service.post("/api/v1/login", &wrong);
    }
    let path = "/api/admin/redis/limits/violations";
    assert_eq!(service.get(path).status, 401);
    let shown = |query: &str| service.get_as(&format!("{path}{query}"), ADMIN);
    let searches = shown("?endpoint=/api/v1/search").json();
    assert_eq!(searches["violations"][0]["refused"], 2);
    assert_eq!(searches["violations"][0]["policy"], "search");
    let all = shown("");
    assert!(all.text().contains("ratelimit:login:{***}") && !all.text().contains("victim"), "{}", all.text());
}

#[test]
fn limits_change_with_their_file_while_the_service_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("limits.toml");
    std::fs::write(&file, "[limits.search]\nlimit = 2\n").unwrap();
    let service = Service::start(&[("MARKETPLACE_LIMITS", file.to_str().unwrap())]);
    assert_eq!(admitted(|| service.get("/api/v1/search?q=a")), 2);
    std::fs::write(&file, "[limits.search]\nlimit = 7\n").unwrap();
    let limit = || service.get("/api/v1/search?q=a").header("X-RateLimit-Limit").map(str::to_owned);
    let is_read = (0..400).any(|_| {
        thread::sleep(Duration::from_millis(50));
        limit().as_deref() == Some("7")
    });
    assert!(is_read, "the file is read again");
}

/// Spends part of a limit over four processes, kills them, and sends a thousand requests at once to four others.
fn thousand_pass_the_limit_and_no_more(place: &[(&str, &str)]) {
    let prefix = fresh_prefix();
    let mut variables = vec![
        ("REDIS_KEY_PREFIX", prefix.as_str()),
        ("REDIS_READ_TIMEOUT", "20000"),
        ("REDIS_CONNECT_TIMEOUT", "20000"),
        ("MARKETPLACE_DB", ":memory:"),
        ("RATE_LIMIT_SEARCH", "100/h"),
    ];
    variables.extend_from_slice(place);
    // All of a round wait for each other, so that they are sent at once.
    let round = |requests: usize| {
        let fleet: Vec<Arc<Service>> = (0..4).map(|_| Arc::new(Service::start(&variables))).collect();
        let start = Arc::new(Barrier::new(requests));
        let callers: Vec<_> = (0..requests)
            .map(|caller| {
                let (service, start) = (Arc::clone(&fleet[caller % 4]), Arc::clone(&start));
                thread::spawn(move || {
                    start.wait();
                    service.get("/api/v1/search?q=a").status == 200
                })
            })
            .collect();
        callers.into_iter().map(|caller| usize::from(caller.join().unwrap())).sum::<usize>()
        // Here every process is killed.
    };
    assert_eq!(round(60), 60);
    assert_eq!(round(1_000), 40);
    assert_eq!(round(60), 0);
}

#[test]
fn thousand_requests_to_four_processes_pass_exactly_as_many_as_the_limit() {
    let server = RedisServer::start();
    thousand_pass_the_limit_and_no_more(&[("REDIS_URL", &server.url())]);
}

#[test]
fn thousand_requests_to_four_processes_on_a_cluster_pass_as_many() {
    let cluster = Cluster::start();
    let nodes: Vec<_> = cluster.addresses().iter().map(ToString::to_string).collect();
    thousand_pass_the_limit_and_no_more(&[("REDIS_MODE", "cluster"), ("REDIS_NODES", &nodes.join(","))]);
}

/// What curl shows of an answer, in the order of the guide.
fn transcript(answer: &Answer) -> String {
    let reason = if answer.status == 200 { "OK" } else { "Too Many Requests" };
    let mut lines = vec![
        "$ curl -i 'http://127.0.0.1:3000/api/v1/search?q=lamp'".to_owned(),
        format!("HTTP/1.1 {} {reason}", answer.status),
    ];
    let limits = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"];
    let fields = ["ratelimit-policy", "ratelimit"];
    let refused = if answer.status == 429 { &["content-type"][..] } else { &[] };
    let shown = limits.iter().chain(&fields).chain(refused);
    lines.extend(shown.filter_map(|name| Some(format!("{name}: {}", answer.header(name)?))));
    if answer.status == 429 {
        lines.extend([String::new(), answer.text()]);
    }
    lines.join("\n")
}

/// The same without what each run has of its own: times, and ids of more than four signs with a digit.
fn masked(text: &str) -> String {
    let words = text.split_inclusive(|sign: char| !sign.is_ascii_alphanumeric());
    let word = |word: &str| {
        let (name, end) =
            word.split_at(word.trim_end_matches(|sign: char| !sign.is_ascii_alphanumeric()).len());
        let is_own = name.bytes().any(|sign| sign.is_ascii_digit()) && name.len() > 4;
        // A second may have begun since the first call.
        let seconds = ["58", "59", "60"].contains(&name);
        if is_own {
            format!("#{end}")
        } else if seconds {
            format!("60{end}")
        } else {
            word.to_owned()
        }
    };
    words.map(word).collect()
}

#[test]
fn transcripts_in_the_guide_are_what_the_service_says() {
    let service = Service::start(&[("RATE_LIMIT_SEARCH", "1")]);
    let guide = include_str!("../../docs/guide/rate-limits.md");
    let mut blocks = guide.split("```text\n").skip(1).filter_map(|block| Some(block.split_once("\n```")?.0));
    let shown = blocks.find(|block| block.starts_with("$ curl")).expect("a block of what curl shows");
    let answers = [service.get("/api/v1/search?q=lamp"), service.get("/api/v1/search?q=lamp")];
    let said = answers.each_ref().map(transcript).join("\n\n");
    let without_time = |text: &str| {
        let (before, time) = text.split_once("\"timestamp\":\"").expect("a time");
        let (_, after) = time.split_once('"').expect("its end");
        format!("{before}{after}")
    };
    assert_eq!(masked(&without_time(shown)), masked(&without_time(&said)), "the guide should show:\n{said}");
    let refused: Value = answers[1].json();
    assert_eq!(refused["error"]["retryAfter"].to_string(), answers[1].header("retry-after").unwrap());
}
