//! Concurrent reads of one lane travel as one MGET.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use redis::{Arg, Cmd, Value};
use tokio::{sync::oneshot, task::yield_now, time::Instant};

use super::{lane::Lane, lane::Live};
use crate::{Certainty, Error, ErrorKind, Result, Tasks};

type Answer = Result<Option<Bytes>>;

/// The open batch of a lane.
#[derive(Default)]
pub(crate) struct Gather(Mutex<Option<Batch>>);

struct Batch {
    mget: Cmd,
    callers: Vec<oneshot::Sender<Answer>>,
}

impl Gather {
    /// Joins the open batch, or opens one.
    ///
    /// The batch is sent by a task of its own, never by a caller: a caller that goes away must not
    /// take the others' answers with it.
    pub(crate) async fn ask(
        lane: &Arc<Lane>,
        live: &Arc<Live>,
        tasks: &Tasks,
        name: &[u8],
        deadline: Instant,
    ) -> Answer {
        let (caller, answer) = oneshot::channel();
        if lane.gather.push(name, caller) {
            let (its_lane, live) = (Arc::clone(lane), Arc::clone(live));
            let sent = tasks.spawn_to_end(async move {
                // Whoever is ready to run now gets into this batch.
                yield_now().await;
                if let Some(batch) = its_lane.gather.take() {
                    batch.send(&live, deadline).await;
                }
            });
            if !sent {
                drop(lane.gather.take());
            }
        }
        answer.await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Connection, Certainty::Unknown, "the runtime of the batch ended"))
        })
    }

    /// Adds a caller; answers whether it opened the batch.
    fn push(&self, name: &[u8], caller: oneshot::Sender<Answer>) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let opens = open.is_none();
        let batch = open.get_or_insert_with(|| {
            let mut mget = Cmd::with_capacity(64, 64 * 48);
            mget.arg("MGET");
            Batch { mget, callers: Vec::with_capacity(64) }
        });
        batch.mget.arg(name);
        batch.callers.push(caller);
        opens
    }

    fn take(&self) -> Option<Batch> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Batch {
    async fn send(self, live: &Live, deadline: Instant) {
        let Self { mget, callers } = self;
        let answer = tokio::time::timeout_at(deadline, live.send(&mget, deadline)).await;
        match answer {
            Ok(Ok(Value::Array(values))) if values.len() == callers.len() => {
                for (caller, value) in callers.into_iter().zip(values) {
                    answer_one(caller, read(value));
                }
            }
            // A key that this user may not read fails the whole MGET; the others have done no wrong.
            Ok(Err(error)) if error.kind() == ErrorKind::Permission => {
                ask_alone(&mget, callers, live, deadline).await
            }
            Ok(Err(error)) => {
                callers.into_iter().for_each(|caller| answer_one(caller, Err(error.duplicate())))
            }
            Ok(Ok(_)) => callers.into_iter().for_each(|caller| {
                answer_one(caller, Err(Error::protocol("an MGET was answered with something else")))
            }),
            // The callers have the same deadline and find out by themselves.
            Err(_) => {}
        }
    }
}

async fn ask_alone(mget: &Cmd, callers: Vec<oneshot::Sender<Answer>>, live: &Live, deadline: Instant) {
    let names = mget.args_iter().skip(1);
    for (name, caller) in names.zip(callers) {
        let Arg::Simple(name) = name else { continue };
        let mut get = redis::cmd("GET");
        get.arg(name);
        match tokio::time::timeout_at(deadline, live.send(&get, deadline)).await {
            Ok(answer) => answer_one(caller, answer.and_then(read)),
            Err(_) => return,
        }
    }
}

fn answer_one(caller: oneshot::Sender<Answer>, answer: Answer) {
    // A caller that has gone away wants no answer.
    drop(caller.send(answer));
}

/// The answer to a GET, or one element of the answer to an MGET.
pub(crate) fn read(value: Value) -> Answer {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(Bytes::from(bytes))),
        other => super::convert::convert(other)?.into_optional_bytes(),
    }
}
