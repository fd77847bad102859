use redstart_keys::Category;

use super::*;

const FEATURE: Entity<TextId> = Entity::new(Category::Flag, "feature").persistent();

fn flags(store: &Store) -> Flags {
    Flags::new(store, &FEATURE).with("checkout", FlagRule::OFF).with("search", FlagRule::ON)
}

#[tokio::test]
async fn what_was_declared_holds_until_it_is_set_and_after_it_is_removed() {
    let store = Store::memory();
    let flags = flags(&store);
    let is_on = |flag| flags.is_on(flag, None, &[]);
    assert_eq!((is_on("checkout"), is_on("search"), is_on("unknown")), (false, true, false));
    flags.set("checkout", &FlagRule::ON).await.unwrap();
    flags.set("search", &FlagRule::OFF).await.unwrap();
    assert_eq!((is_on("checkout"), is_on("search")), (true, false));
    assert!(flags.remove("search").await.unwrap() && !flags.remove("search").await.unwrap());
    assert_eq!((is_on("checkout"), is_on("search")), (true, true));
    assert!(flags.set("unknown", &FlagRule::ON).await.is_err());
}

#[tokio::test]
async fn change_reaches_other_handles() {
    let store = Store::memory();
    let (here, there) = (flags(&store), flags(&store));
    there.refresh().await.unwrap();
    assert!(there.age().is_some() && !there.is_on("checkout", None, &[]));
    here.set("checkout", &FlagRule::ON).await.unwrap();
    while !there.is_on("checkout", None, &[]) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn rule_that_cannot_be_read_changes_nothing() {
    let store = Store::memory();
    let flags = flags(&store);
    flags.set("checkout", &FlagRule::ON).await.unwrap();
    let key = FEATURE.key(&TextId::new("checkout").unwrap());
    store.run(&SetFlag::new(key, "{\"on\":\"maybe\"}".into())).await.unwrap();
    flags.refresh().await.unwrap();
    assert!(flags.is_on("checkout", None, &[]));
}

#[test]
fn question_outside_a_runtime_is_answered() {
    assert!(flags(&Store::memory()).is_on("search", None, &[]));
}
