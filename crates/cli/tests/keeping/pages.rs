//! What stands in the guides of docs/cli is what the commands print.

use std::{fs, path::PathBuf};

use redstart_testkit::RedisServer;
use tempfile::TempDir;

use crate::{
    matching::follow_page,
    support::{fill, text},
};

fn page(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli").join(name);
    fs::read_to_string(path).unwrap()
}

/// Follows a guide in a folder of its own, on a server with something in it.
fn follow(name: &str, server: &RedisServer) {
    let folder = TempDir::new().unwrap();
    let url = server.url();
    let home = text(folder.path());
    let keys = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/keys.md");
    fs::create_dir_all(folder.path().join("docs/reference")).unwrap();
    fs::copy(keys, folder.path().join("docs/reference/keys.md")).unwrap();
    follow_page(
        &page(name),
        name,
        &[("REDIS_URL", &url), ("REDIS_KEY_PREFIX", "shop"), ("HOME", home)],
        home,
    );
}

#[test]
fn backup_and_restore() {
    let server = RedisServer::start();
    fill(&mut server.raw(), "shop", 1_000);
    follow("backup.md", &server);
}

#[test]
fn keys() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    for id in 1..=3 {
        raw.command(&["SET", &format!("shop:cache:user:{{{id}}}"), "a profile", "EX", "3600"]);
    }
    raw.command(&["SET", "shop:cache:brand:{1}", "a brand"]);
    raw.command(&["SET", "shop:cache:usr:{1}", "a typing error", "EX", "3600"]);
    follow("keys.md", &server);
}

#[test]
fn drill() {
    let server = RedisServer::start();
    follow("drill.md", &server);
}
