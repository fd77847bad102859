//! What a failed attempt leaves: done, not done, or unknown, whatever the operation made of the answers.

use std::{future::Future, task::Poll};

use redstart_connection::{
    Certainty, Cmd, Effect, Error, ErrorKind, Memory, Operation, Outage, Redis, Result, Script, Store,
    Timestamp, Value,
};
use redstart_keys::{Category, Entity, Key, Ttl};

use crate::support::store;

const COUNT: Entity<u64> = Entity::new(Category::Counter, "count").ttl(Ttl::hours(1));
const LIST: Entity<u64> = Entity::new(Category::Counter, "list").ttl(Ttl::hours(1));

/// An increment that must not happen twice, made in several ways that end in an error.
enum Broken {
    /// A script whose answer holds an error that by itself would allow a retry.
    NestedError,
    /// A pipeline whose second command is refused.
    RefusedBehindDone,
    /// An operation that gives up after the server did its part.
    OwnError,
    /// An operation that goes away from a command under way.
    Abandoned,
}

static NESTED: Script = Script::new(
    "test.nested",
    "return { redis.call('INCR', KEYS[1]), redis.error_reply('READONLY nested') }",
);
static REFUSED: Script = Script::new("test.refused", "return redis.error_reply('READONLY for a test')");

impl Operation for Broken {
    type Output = ();
    const NAME: &'static str = "test.broken";

    fn effect(&self) -> Effect {
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome((): &()) -> &'static str {
        "done"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<()> {
        let key = COUNT.key(&1);
        let count = || Cmd::new("INCR").key(&key);
        match self {
            Self::NestedError => redis.script(&NESTED).key(&key).invoke().await.map(drop),
            Self::RefusedBehindDone => {
                let refused = Cmd::new("EVAL").arg(REFUSED_SOURCE).arg(0);
                redis.pipeline(vec![count(), refused]).await.map(drop)
            }
            Self::OwnError => {
                redis.send(count()).await?;
                redis.script(&REFUSED).invoke().await.map(drop)
            }
            Self::Abandoned => {
                let mut counting = Box::pin(redis.send(count()));
                std::future::poll_fn(|cx| {
                    let _pending = counting.as_mut().poll(cx);
                    Poll::Ready(())
                })
                .await;
                drop(counting);
                redis.script(&REFUSED).invoke().await.map(drop)
            }
        }
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<()> {
        Err(Error::unsupported("this one is for a server"))
    }
}

const REFUSED_SOURCE: &str = "return redis.error_reply('READONLY for a test')";

async fn count(store: &Store, key: &Key) -> Option<i64> {
    store.command(Cmd::new("GET").key(key)).await.unwrap().into_optional_int().unwrap()
}

#[tokio::test]
async fn work_that_was_begun_is_never_taken_for_refused() {
    for broken in [Broken::NestedError, Broken::RefusedBehindDone, Broken::OwnError, Broken::Abandoned] {
        let store = store();
        store.command(Cmd::new("PING")).await.unwrap();
        let error = store.run(&broken).await.unwrap_err();
        assert_eq!((error.kind(), error.certainty()), (ErrorKind::ReadOnly, Certainty::Unknown), "{error:?}");
        // An abandoned command may still be on its way; the next answer comes behind it.
        store.command(Cmd::new("PING")).await.unwrap();
        assert!(count(&store, &COUNT.key(&1)).await <= Some(1), "it ran again");
    }
}

#[tokio::test]
async fn refused_whole_stays_refused() {
    struct Refused;
    impl Operation for Refused {
        type Output = ();
        const NAME: &'static str = "test.refused";

        fn effect(&self) -> Effect {
            Effect::Once
        }

        fn outage(&self) -> Outage {
            Outage::Fail
        }

        fn outcome((): &()) -> &'static str {
            "done"
        }

        async fn on_redis(&self, redis: &Redis) -> Result<()> {
            // Nothing was done by either, so the whole was refused.
            redis.pipeline(vec![Cmd::new("NOSUCH"), Cmd::new("NOSUCH")]).await.map(drop)
        }

        fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<()> {
            Err(Error::unsupported("this one is for a server"))
        }
    }
    let error = store().run(&Refused).await.unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (ErrorKind::Unsupported, Certainty::Refused));
}

#[tokio::test]
async fn commands_that_would_change_the_shared_connection_are_refused() {
    let store = store();
    for (name, first) in [
        ("SELECT", "1"),
        ("multi", ""),
        ("SUBSCRIBE", "news"),
        ("BLPOP", "list"),
        ("CLIENT", "reply"),
        ("MONITOR", ""),
        ("XREAD", "BLOCK"),
        ("WAIT", "1"),
        ("AUTH", "hunter2"),
        ("RESET", ""),
    ] {
        let error = store.command(Cmd::new(name).arg(first)).await.unwrap_err();
        assert_eq!((error.kind(), error.certainty()), (ErrorKind::Unsupported, Certainty::NotSent), "{name}");
        assert!(error.to_string().contains(name) && !error.to_string().contains("hunter2"), "{error}");
    }
    store.command(Cmd::new("CLIENT").arg("LIST")).await.unwrap();
    store.command(Cmd::new("XREAD").arg("STREAMS").key(&LIST.key(&1)).arg("0")).await.unwrap();
}

/// A count, and one more command in the same write.
struct Batched(&'static str, &'static str);

impl Operation for Batched {
    type Output = Vec<Result<Value>>;
    const NAME: &'static str = "test.batched";

    fn effect(&self) -> Effect {
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &Self::Output) -> &'static str {
        "done"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Self::Output> {
        let Self(name, first) = *self;
        redis.batch().begin("INCR").key(&COUNT.key(&7)).begin(name).arg(first).send_each().await
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<Self::Output> {
        Err(Error::unsupported("this one is for a server"))
    }
}

#[tokio::test]
async fn batch_is_sent_whole_or_not_at_all_and_each_command_has_its_answer() {
    let store = store();
    for harmful in [Batched("SELECT", "1"), Batched("XREAD", "block")] {
        let error = store.run(&harmful).await.unwrap_err();
        assert_eq!((error.kind(), error.certainty()), (ErrorKind::Unsupported, Certainty::NotSent));
    }
    let answers = store.run(&Batched("ECHO", "word")).await.unwrap();
    let [Ok(Value::Int(1)), Ok(word)] = &answers[..] else {
        panic!("nothing was counted before: {answers:?}")
    };
    assert_eq!(word.clone().into_text().unwrap(), "word");
    let answers = store.run(&Batched("NOSUCH", "")).await.unwrap();
    assert!(matches!(&answers[..], [Ok(Value::Int(2)), Err(_)]), "{answers:?}");
}
