//! The page for operators, in a real browser.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::Stdio,
};

use redstart_testkit::{Browser, RedisServer, fresh_prefix};

use crate::service::Service;

const ADMIN: &str = "an-administrators-token-for-tests";

/// The script drives the browser, and says by a line when it wants the server to go and to come back.
#[test]
fn page_shows_forgets_refuses_and_recovers() {
    let browser = match Browser::find(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))) {
        Ok(browser) => browser,
        Err(missing) => {
            eprintln!("skipped: {missing}");
            return;
        }
    };
    let mut server = RedisServer::start();
    let (url, prefix) = (server.url(), fresh_prefix());
    let variables = [("REDIS_URL", &*url), ("REDIS_KEY_PREFIX", &*prefix), ("ADMIN_TOKEN", ADMIN)];
    let service = Service::start(&variables);
    let mut script = browser
        .script(concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/dashboard.mjs"))
        .env("SERVICE", format!("http://{}", service.address()))
        .env("TOKEN", ADMIN)
        .env("PREFIX", &prefix)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answers = script.stdin.take().unwrap();
    let lines = BufReader::new(script.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    for line in lines.map_while(Result::ok) {
        match line.as_str() {
            "kill the server" => server.kill(),
            "start the server" => server.restart(),
            _ => {
                println!("{line}");
                said.push(line);
                continue;
            }
        }
        writeln!(answers, "done").unwrap();
    }
    let status = script.wait().unwrap();
    assert!(status.success(), "the script ended with {status}");
    assert_eq!(said.last().map(String::as_str), Some("all is well"));
}
