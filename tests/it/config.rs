//! What each setting does to a store on a real server.

mod canary;
mod connections;
mod expectation;
mod logs;
mod servers;

use redstart_connection::{Cmd, Config, Store};
use redstart_testkit::RedisServer;

use self::logs::Logs;

use crate::support::GUARD;

/// What these variables describe, with patience where they say nothing of it.
fn read(variables: &[(&str, &str)]) -> Config {
    let patience = format!("{}s", GUARD.as_secs());
    let patient = [("REDIS_READ_TIMEOUT", &*patience), ("REDIS_CONNECT_TIMEOUT", &*patience)];
    let value = |name: &str| {
        let mut given = variables.iter().chain(&patient);
        given.find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned())
    };
    Config::from_variables(value).unwrap()
}

/// A store on `server` with these variables beside its URL.
fn store_on(server: &RedisServer, variables: &[(&str, &str)]) -> Store {
    Store::lazy(&read(&[&[("REDIS_URL", &*server.url())], variables].concat())).unwrap()
}

async fn works(store: &Store) -> bool {
    store.command(Cmd::new("PING")).await.is_ok()
}

/// What the server tells of the connection that it is asked over.
async fn client(store: &Store) -> String {
    store.command(Cmd::new("CLIENT").arg("INFO")).await.unwrap().into_text().unwrap()
}

/// How many connections the server has beside the one that is asked over.
fn connections(server: &RedisServer) -> usize {
    server.raw().command(&["CLIENT", "LIST"]).text().lines().count() - 1
}
