use super::{super::sources::Source, violations};

fn check(text: &str, refused: &[&str]) {
    let source = Source { path: "crates/x/src/lib.rs".into(), text: text.into() };
    let found = violations(&[source]);
    assert_eq!(found.len(), refused.len(), "{found:?}");
    for (found, part) in found.iter().zip(refused) {
        assert!(found.contains(part), "{found} should hold {part}");
    }
}

#[test]
fn paths_into_drivers_are_refused() {
    check("pub fn run(cmd: redis::Cmd) {}", &[":1: a public signature names redis::Cmd"]);
    check("\n    pub async fn get(\n        &self,\n    ) -> Result<(), bb8::RunError> {", &[":2:"]);
    check("pub struct Lane<C: redis::aio::ConnectionLike> {", &["redis::aio"]);
    check("pub struct Pool(pub bb8_redis::Pool);", &["bb8_redis::Pool"]);
    check("    pub cache: moka::sync::Cache<u8, u8>,", &["moka::sync"]);
    check("pub use ::redis::Client;", &["redis::Client"]);
}

#[test]
fn imported_types_are_refused() {
    check("use redis::{Cmd, Value as Raw};\npub fn run(cmd: &Cmd) -> Raw {", &[":2:"]);
    check("use moka::sync::Cache;\npub type Map = Cache<u8, u8>;", &["Cache"]);
    check("use std::fmt;\nuse redis::Cmd;\npub fn run(cmd: Cmd) {", &["Cmd"]);
}

#[test]
fn what_users_do_not_see_is_free() {
    check("pub(crate) fn run(cmd: redis::Cmd) {}", &[]);
    check("fn run(cmd: redis::Cmd) {}", &[]);
    check("pub fn run() { redis::cmd(\"PING\"); }", &[]);
    check("pub struct Lane(redis::aio::MultiplexedConnection);", &[]);
    check("pub struct Lane {\n    connection: redis::Client,\n}", &[]);
    check("pub use crate::{\n    redis::Redis,\n};", &[]);
    check("/// pub fn run(cmd: redis::Cmd)", &[]);
    check("use redis::cmd;\npub fn run(cmd: u8) {", &[]);
}
