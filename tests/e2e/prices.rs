//! Browsers that watch prices.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

use redstart_testkit::RedisServer;
use serde_json::{Value, json};

use crate::service::Service;

/// A browser that watches prices.
struct Browser(BufReader<TcpStream>);

impl Browser {
    /// Opens the stream, from the event behind `seen` on where it has seen one.
    fn open(service: &Service, seen: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(service.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let seen = seen.map_or_else(String::new, |seen| format!("Last-Event-ID: {seen}\r\n"));
        let path = "/api/v1/products/prices/events";
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n{seen}\r\n").unwrap();
        let mut browser = Self(BufReader::new(stream));
        let head: Vec<String> =
            std::iter::from_fn(|| Some(browser.line()).filter(|line| !line.is_empty())).collect();
        assert_eq!(head[0], "HTTP/1.1 200 OK");
        assert!(
            head.iter().any(|line| line.eq_ignore_ascii_case("content-type: text/event-stream")),
            "{head:?}"
        );
        browser
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream goes on");
        line.trim_end().to_owned()
    }

    /// The next event: its kind, its id, its data.
    fn event(&mut self) -> (String, String, Value) {
        let (mut kind, mut id, mut data) = (String::new(), String::new(), Value::Null);
        while data.is_null() {
            let line = self.line();
            if let Some(text) = line.strip_prefix("event: ") {
                text.clone_into(&mut kind);
            } else if let Some(text) = line.strip_prefix("id: ") {
                text.clone_into(&mut id);
            } else if let Some(text) = line.strip_prefix("data: ") {
                data = serde_json::from_str(text).unwrap();
            }
        }
        (kind, id, data)
    }
}

fn set_price(service: &Service, product: u32, price: &Value) {
    let answer = service.put(&format!("/api/v1/products/{product}/price"), &json!({ "price": price }));
    assert_eq!(answer.status, 204);
}

fn watches_and_comes_back(one: &Service, other: &Service) {
    let (mut here, mut there) = (Browser::open(one, None), Browser::open(other, None));
    set_price(one, 7, &json!(19.9));
    let (kind, first, data) = here.event();
    assert_eq!((kind.as_str(), &data), ("price", &json!({ "product": 7, "price": 19.9 })));
    assert_eq!(there.event(), (kind, first.clone(), data), "every instance tells of it");
    drop(here);

    set_price(other, 7, &json!(21.5));
    set_price(other, 8, &json!(3.0));

    // It comes back, to another instance even, and is told what it missed.
    let mut back = Browser::open(other, Some(&first));
    assert_eq!(back.event().2, json!({ "product": 7, "price": 21.5 }));
    let (_, last, data) = back.event();
    assert_eq!(data, json!({ "product": 8, "price": 3.0 }));
    set_price(one, 9, &json!(1.0));
    let (_, id, data) = back.event();
    assert_eq!(data, json!({ "product": 9, "price": 1.0 }));
    assert_ne!(id, last);
    // A place that is not kept any more is said to be none.
    let (kind, id, _) = Browser::open(one, Some("1-0")).event();
    assert_eq!((kind.as_str(), id.as_str()), ("missed", ""));
}

#[test]
fn changed_prices_reach_every_browser_and_those_that_come_back() {
    let server = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let (url, database) = (server.url(), folder.path().join("marketplace.db"));
    let instance = || Service::start(&[("REDIS_URL", &url), ("MARKETPLACE_DB", database.to_str().unwrap())]);
    watches_and_comes_back(&instance(), &instance());
}

#[test]
fn they_do_so_without_a_server() {
    let service = Service::start(&[]);
    watches_and_comes_back(&service, &service);
    let refused = service.get_with("/api/v1/products/prices/events", ("Last-Event-ID", "yesterday"));
    assert_eq!(refused.status, 400);
}

#[test]
fn open_browsers_do_not_hold_up_the_end() {
    let service = Service::start(&[]);
    let mut browser = Browser::open(&service, None);
    // Requests that take too long are left after ten seconds, with a complaint.
    assert_eq!(service.end(), "");
    let mut rest = String::new();
    while browser.0.read_line(&mut rest).unwrap() > 0 {}
    // The last chunk, which a connection that was cut does not have.
    assert!(rest.ends_with("0\r\n\r\n"), "{rest:?}");
}
