//! Flows, codes, links, downloads, counts and switches, over two instances.

use std::{fs, path::PathBuf, sync::Arc, thread, time::Duration};

use redstart_testkit::RedisServer;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::service::{Answer, Service};

const ADMIN: &str = "an-administrators-token-for-tests";

struct Shop {
    fleet: Arc<[Service; 2]>,
    outbox: PathBuf,
    _server: RedisServer,
    _folder: TempDir,
}

impl Shop {
    fn start() -> Self {
        let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
        let (database, outbox) = (folder.path().join("marketplace.db"), folder.path().join("outbox"));
        let (url, outbox_name) = (server.url(), outbox.to_str().unwrap().to_owned());
        let instance = || {
            Service::start(&[
                ("REDIS_URL", &url),
                ("MARKETPLACE_SECRET", "the same for all instances"),
                ("MARKETPLACE_DB", database.to_str().unwrap()),
                ("MARKETPLACE_OUTBOX", &outbox_name),
                ("ADMIN_TOKEN", ADMIN),
                ("RATE_LIMIT_LOGIN", "1000"),
                ("RATE_LIMIT_EXPORT", "1000"),
            ])
        };
        Self { fleet: Arc::new([instance(), instance()]), outbox, _server: server, _folder: folder }
    }

    /// The last message to an address.
    fn message(&self, address: &str) -> String {
        let text = fs::read_to_string(&self.outbox).unwrap_or_default();
        let of = text.lines().rev().find_map(|line| line.strip_prefix(address)?.strip_prefix('\t'));
        of.expect("a message was sent").to_owned()
    }
}

fn log_in(service: &Service, user: u32, password: &str) -> Answer {
    let email = format!("user{user}@example.com");
    service.post("/api/v1/login", &json!({ "email": email, "password": password }))
}

fn token_of(service: &Service, user: u32) -> String {
    log_in(service, user, "password").json()["token"].as_str().expect("a session").to_owned()
}

/// One user in one flow, whose requests go to the instances in turn.
struct Walk<'a> {
    shop: &'a Shop,
    kind: &'static str,
    bearer: String,
    flow: String,
}

impl<'a> Walk<'a> {
    fn begin(shop: &'a Shop, kind: &'static str, user: u32) -> Self {
        let token = token_of(&shop.fleet[0], user);
        let begun = shop.fleet[0].post_as(&format!("/api/v1/flows/{kind}"), &json!({}), &token);
        assert_eq!(begun.status, 201, "{}", begun.text());
        let flow = begun.json()["flow"].as_str().unwrap().to_owned();
        Self { shop, kind, bearer: format!("Bearer {token}"), flow }
    }

    fn headers(&self) -> [(&str, &str); 2] {
        [("Authorization", &self.bearer), ("X-Flow-Id", &self.flow)]
    }

    fn go(&self, step: &str, brought: &Value) -> Answer {
        let path = format!("/api/v1/flows/{}/{step}", self.kind);
        self.shop.fleet[step.len() % 2].put_with(&path, brought, &self.headers())
    }

    fn finish(&self) -> Answer {
        let path = format!("/api/v1/flows/{}/finish", self.kind);
        self.shop.fleet[1].post_with(&path, &json!({}), &self.headers())
    }
}

#[test]
fn flows_go_through_their_steps_in_order_and_are_finished_once() {
    let shop = Shop::start();
    for (kind, steps) in [
        ("upload", &["file", "content"][..]),
        ("onboarding", &["profile", "brand", "consent"]),
        ("payment", &["amount", "method"]),
    ] {
        let walk = Walk::begin(&shop, kind, 1);
        let last = steps[steps.len() - 1];
        assert_eq!(walk.go(last, &json!({ "too": "soon" })).code(), "WRONG_STEP", "{kind}");
        assert_eq!(walk.finish().code(), "WRONG_STEP", "{kind}");
        for step in steps {
            let answer = walk.go(step, &json!({ "of": step }));
            assert_eq!(answer.status, 200, "{kind} {step}: {}", answer.text());
        }
        assert_eq!(walk.go(steps[0], &json!({ "of": "corrected" })).status, 200, "a step may be corrected");
        let other = Walk::begin(&shop, kind, 2);
        let foreign = Walk { flow: walk.flow.clone(), ..other };
        assert_eq!(foreign.go(steps[0], &json!({})).status, 404, "it is another user's");
        thread::scope(|scope| {
            let finishing: Vec<_> = (0..8).map(|_| scope.spawn(|| walk.finish().status)).collect();
            let mut statuses: Vec<u16> = finishing.into_iter().map(|one| one.join().unwrap()).collect();
            statuses.sort_unstable();
            assert_eq!(statuses, [201, 404, 404, 404, 404, 404, 404, 404], "{kind}");
        });
        assert_eq!(walk.go(steps[0], &json!({})).status, 404, "what is finished stays so");
    }
}

#[test]
fn address_is_verified_by_the_code_that_was_sent_there() {
    let shop = Shop::start();
    for (field, address) in [("email", "ada@example.com"), ("phone", "+61 400 000 000")] {
        let walk = Walk::begin(&shop, "verification", 1);
        assert_eq!(walk.go("address", &json!({ field: address })).status, 200);
        let code = shop.message(address);
        assert_eq!(walk.go("address", &json!({ field: address })).status, 429, "another one comes later");
        let wrong = if code == "000000" { "000001" } else { "000000" };
        assert_eq!(walk.go("code", &json!({ "code": wrong })).code(), "WRONG_CODE");
        assert_eq!(walk.go("code", &json!({ "code": code })).status, 200);
        let finished = walk.finish();
        assert_eq!(finished.status, 201);
        assert_eq!(finished.json()["details"]["address"][field], address);
    }
    let walk = Walk::begin(&shop, "verification", 2);
    walk.go("address", &json!({ "email": "eve@example.com" }));
    for _ in 0..5 {
        assert_eq!(walk.go("code", &json!({ "code": "not it" })).code(), "WRONG_CODE");
    }
    let code = shop.message("eve@example.com");
    assert_eq!(walk.go("code", &json!({ "code": code })).code(), "CODE_LOCKED");
}

#[test]
fn link_sets_a_new_password_once() {
    let shop = Shop::start();
    let [a, b] = &*shop.fleet;
    let ask = json!({ "email": "user3@example.com" });
    assert_eq!(a.post("/api/v1/password-resets", &ask).status, 202);
    let first = shop.message("user3@example.com");
    assert_eq!(b.post("/api/v1/password-resets", &ask).status, 202);
    let second = shop.message("user3@example.com");
    let confirm = |service: &Service, token: &str, password: &str| {
        let body = json!({ "token": token, "password": password });
        service.post("/api/v1/password-resets/confirm", &body).status
    };
    assert_eq!(confirm(a, &first, "stolen"), 401, "a later link voids it");
    assert_eq!(confirm(a, &second, "a new password"), 204);
    assert_eq!(confirm(b, &second, "stolen"), 401, "it is used up");
    assert_eq!(log_in(b, 3, "password").status, 401);
    assert_eq!(log_in(b, 3, "a new password").status, 200);
}

#[test]
fn download_token_is_good_for_one_download_on_all_instances_together() {
    let shop = Shop::start();
    let token = token_of(&shop.fleet[0], 1);
    for _ in 0..10 {
        let issued = shop.fleet[0].post_as("/api/v1/assets/1/download-tokens", &json!({}), &token);
        let once = issued.json()["token"].as_str().unwrap().to_owned();
        let mut statuses: Vec<u16> = thread::scope(|scope| {
            let downloads: Vec<_> = (0..8)
                .map(|turn| {
                    let (service, once) = (&shop.fleet[turn % 2], &once);
                    scope.spawn(move || service.get_as("/api/v1/downloads", once).status)
                })
                .collect();
            downloads.into_iter().map(|one| one.join().unwrap()).collect()
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401, 401, 401, 401, 401, 401, 401]);
        assert_eq!(shop.fleet[1].get_as("/api/v1/downloads", &once).code(), "TOKEN_REPLAYED");
    }
    assert_eq!(shop.fleet[0].get_as("/api/v1/downloads", &token).status, 401, "it is for the API");
    assert_eq!(shop.fleet[0].get("/api/v1/downloads").status, 401);
}

/// Asks until the answer is right.
fn eventually(mut is_right: impl FnMut() -> bool) -> bool {
    (0..400).any(|_| {
        thread::sleep(Duration::from_millis(25));
        is_right()
    })
}

#[test]
fn site_is_closed_and_features_are_on_for_all_instances_together() {
    let shop = Shop::start();
    let [a, b] = &*shop.fleet;
    let bearer = format!("Bearer {ADMIN}");
    let set = |name: &str, rule: &Value| {
        a.put_with(&format!("/api/admin/flags/{name}"), rule, &[("Authorization", &bearer)]).status
    };
    assert_eq!(a.put("/api/admin/flags/site", &json!({ "on": true })).status, 401);
    assert_eq!(set("unknown", &json!({ "on": true })), 404);
    assert_eq!(b.get("/api/v1/features").json()["new-checkout"], false);
    assert_eq!(set("new-checkout", &json!({ "on": true })), 204);
    assert!(eventually(|| b.get("/api/v1/features").json()["new-checkout"] == true));

    assert_eq!(b.get("/api/v1/users/1").status, 200);
    assert_eq!(set("site", &json!({ "on": true })), 204);
    assert!(eventually(|| b.get("/api/v1/users/1").status == 503));
    let closed = b.get("/api/v1/users/1");
    assert_eq!((closed.code().as_str(), closed.header("Retry-After")), ("MAINTENANCE", Some("60")));
    assert_eq!((b.get("/healthz").status, b.get("/metrics").status), (200, 200));
    assert_eq!(set("site", &json!({ "on": false })), 204, "administrators get in");
    assert!(eventually(|| b.get("/api/v1/users/1").status == 200));
}

#[test]
fn views_of_all_instances_are_counted_together() {
    let shop = Shop::start();
    for turn in 0..20 {
        assert_eq!(shop.fleet[turn % 2].get("/api/v1/products/2").status, 200);
    }
    shop.fleet[0].get("/api/v1/products/1");
    let views = || shop.fleet[1].get("/api/v1/products/2/views").json();
    assert!(eventually(|| views()["lastDay"] == 20), "{}", views());
    assert_eq!(views()["visitors"], 1);
    let calls = json!({ "name": "/api/v1/products/{id}", "count": 21 });
    assert!(eventually(|| {
        let popular = shop.fleet[0].get("/api/v1/popular").json();
        popular["products"] == json!([{ "name": "2", "count": 20 }, { "name": "1", "count": 1 }])
            && popular["routes"].as_array().unwrap().contains(&calls)
    }));
}
