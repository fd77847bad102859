//! Names from outside, on a real server.

use redstart_connection::Store;
use redstart_keys::{Category, Entity, TextId, Ttl};
use redstart_lock::{Locks, Release};
use redstart_testkit::eventually;

use crate::support::{GUARD, config};

const UPLOAD: Entity<TextId> = Entity::new(Category::Lock, "upload").ttl(Ttl::minutes(5));

/// What an attacker may choose as the name of a thing: no two of them are the same lock.
fn names() -> Vec<String> {
    let longest = "x".repeat(TextId::MAX_BYTES);
    let known = [
        "a",
        "a:fence",
        "a:given-up",
        "a}:queue{",
        "{",
        "}",
        "{}",
        "{a}",
        "%7Ba%7D",
        "a b",
        "*",
        "?[a]",
        "ä€🔑",
    ];
    known.into_iter().map(str::to_owned).chain([longest]).collect()
}

#[tokio::test]
async fn hostile_names_are_refused_or_locks_of_their_own() {
    for refused in ["", "a\nb", "\u{0}", &"x".repeat(TextId::MAX_BYTES + 1)] {
        assert!(TextId::new(refused).is_err());
    }
    let config = config();
    let named = |name: &str| Locks::named(Store::lazy(&config).unwrap(), name);
    let (locks, others) = (named("evil\r\n} +OK"), named("{*}:-"));
    let mut guards = Vec::new();
    for name in names() {
        let key = UPLOAD.key(&TextId::new(&name).unwrap());
        guards.push((key.clone(), locks.lock(&key).acquire().await.expect("nobody else has it")));
        assert!(others.lock(&key).try_acquire().await.unwrap().is_none(), "{name}");
    }
    for (key, guard) in guards {
        // Its waiter is told by a message that holds its name.
        let request = others.lock(&key).wait(GUARD);
        let (got, released) = tokio::join!(request.acquire(), async {
            eventually(GUARD, async || {
                locks.holder(&key).await.unwrap().is_some_and(|holder| holder.waiting == 1)
            })
            .await;
            assert_eq!(locks.holder(&key).await.unwrap().unwrap().owner, "evil} +OK");
            guard.release().await.unwrap()
        });
        assert_eq!(released, Release::Released);
        assert_eq!(got.unwrap().release().await.unwrap(), Release::Released);
        assert!(!others.is_locked(&key).await.unwrap());
    }
}
