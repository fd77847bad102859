//! Flags that several processes know.

use redstart_keys::{Category, Entity, TextId};
use redstart_state::{FlagRule, Flags};
use redstart_testkit::{eventually, shared};

use super::process;
use crate::support::{GUARD, config};

const FEATURE: Entity<TextId> = Entity::new(Category::Flag, "feature").persistent();

#[tokio::test]
async fn change_is_heard_by_other_processes_and_a_removal_too() {
    let config = config();
    let fleet: Vec<Flags> = (0..3)
        .map(|_| {
            Flags::new(&process(&config), &FEATURE)
                .with("checkout", FlagRule::OFF)
                .with("other", FlagRule::ON)
        })
        .collect();
    for flags in &fleet {
        flags.refresh().await.unwrap();
        assert!(!flags.is_on("checkout", None, &[]));
    }
    fleet[0].set("checkout", &FlagRule::ON).await.unwrap();
    eventually(GUARD, async || fleet.iter().all(|flags| flags.is_on("checkout", None, &[]))).await;
    assert!(fleet[1].remove("checkout").await.unwrap());
    eventually(GUARD, async || fleet.iter().all(|flags| !flags.is_on("checkout", None, &[]))).await;
    assert!(fleet.iter().all(|flags| flags.is_on("other", None, &[])));
}

#[tokio::test]
async fn change_that_another_program_made_is_found_at_the_next_reading() {
    let config = config();
    let store = process(&config);
    let flags = Flags::new(&store, &FEATURE).with("checkout", FlagRule::OFF);
    flags.refresh().await.unwrap();
    let key = FEATURE.key(&TextId::new("checkout").unwrap());
    let name = String::from_utf8(store.name_of(&key)).unwrap();
    shared().raw().command(&["SET", &name, r#"{"on":true}"#]);
    flags.refresh().await.unwrap();
    assert!(flags.is_on("checkout", None, &[]));
    shared().raw().command(&["DEL", &name]);
}
