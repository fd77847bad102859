//! The store of `tower-sessions`.

use std::time::Duration;

use redstart_keys::{Category, Entity, TextId, Ttl};
use redstart_state::TowerSessions;
use redstart_testkit::shared;
use serde_json::json;
use time::OffsetDateTime;
use tower_sessions_core::{
    Session, SessionStore,
    session::{Expiry, Id, Record},
};

use crate::support::store;

const WEB: Entity<TextId> = Entity::new(Category::Session, "web").ttl(Ttl::hours(1));

fn record(value: u32) -> Record {
    let expiry_date = OffsetDateTime::now_utc() + Duration::from_secs(600);
    Record { id: Id::default(), data: [("value".to_owned(), json!(value))].into(), expiry_date }
}

#[tokio::test]
async fn record_is_kept_until_it_is_deleted_and_not_brought_back() {
    let store = store();
    let sessions = TowerSessions::new(&store, &WEB);
    let mut record = record(1);
    sessions.create(&mut record).await.unwrap();
    let loaded = sessions.load(&record.id).await.unwrap().unwrap();
    assert_eq!((loaded.id, &loaded.data), (record.id, &record.data));
    assert!((loaded.expiry_date - record.expiry_date).abs() < Duration::from_secs(60));

    record.data.insert("value".to_owned(), json!(2));
    sessions.save(&record).await.unwrap();
    assert_eq!(sessions.load(&record.id).await.unwrap().unwrap().data["value"], json!(2));

    sessions.delete(&record.id).await.unwrap();
    sessions.save(&record).await.unwrap();
    assert_eq!(sessions.load(&record.id).await.unwrap(), None);
}

#[tokio::test]
async fn id_that_is_taken_is_replaced() {
    let sessions = TowerSessions::new(&store(), &WEB);
    let mut first = record(1);
    sessions.create(&mut first).await.unwrap();
    let mut second = Record { id: first.id, ..record(2) };
    sessions.create(&mut second).await.unwrap();
    assert_ne!(first.id, second.id);
    assert_eq!(sessions.load(&first.id).await.unwrap().unwrap().data["value"], json!(1));
    assert_eq!(sessions.load(&second.id).await.unwrap().unwrap().data["value"], json!(2));
}

#[tokio::test]
async fn session_of_the_crate_lives_on_this_store() {
    let store = store();
    let sessions = std::sync::Arc::new(TowerSessions::new(&store, &WEB));
    let expiry = Some(Expiry::OnInactivity(Duration::from_secs(600).try_into().unwrap()));
    let session = Session::new(None, sessions.clone(), expiry);
    session.insert("user", 7).await.unwrap();
    session.save().await.unwrap();
    let id = session.id().unwrap();
    let again = Session::new(Some(id), sessions.clone(), expiry);
    assert_eq!(again.get::<u32>("user").await.unwrap(), Some(7));
    again.cycle_id().await.unwrap();
    again.save().await.unwrap();
    assert_ne!(again.id(), Some(id));
    assert_eq!(sessions.load(&id).await.unwrap(), None, "the old id opens nothing");
    again.flush().await.unwrap();
    let mut raw = shared().raw();
    let prefix = store.prefix().to_string();
    assert_eq!(raw.keys(&prefix), Vec::<String>::new());
    let secret = id.to_string();
    assert!(raw.keys(&prefix).iter().all(|name| !name.contains(&secret)));
}
