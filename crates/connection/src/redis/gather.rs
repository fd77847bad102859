//! Concurrent reads travel as one MGET.

use std::{
    future::Future,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::future::join_all;
use redis::{Arg, Cmd, Value};
use tokio::{sync::oneshot, task::yield_now, time::Instant};

use super::{lane::Lane, lane::Live};
use crate::{Certainty, Error, ErrorKind, Result, Tasks};

type Answer = Result<Option<Bytes>>;

/// What carries a batch to the server.
pub(crate) trait Carrier: Send + Sync + 'static {
    /// Where the batch of those is that travel this way.
    fn gather(&self) -> &Gather;

    /// Sends one command.
    fn carry(&self, cmd: &Cmd, deadline: Instant) -> impl Future<Output = Result<Value>> + Send;
}

/// A lane and the connection that it had when the batch was opened.
impl Carrier for (Arc<Lane>, Arc<Live>) {
    fn gather(&self) -> &Gather {
        &self.0.gather
    }

    async fn carry(&self, cmd: &Cmd, deadline: Instant) -> Result<Value> {
        self.1.send(cmd, deadline).await
    }
}

/// The open batch of a way to the server.
#[derive(Default)]
pub(crate) struct Gather(Mutex<Option<Batch>>);

struct Batch {
    mget: Cmd,
    callers: Vec<oneshot::Sender<Answer>>,
    /// That of its most patient caller.
    deadline: Instant,
}

impl Gather {
    /// Joins the open batch, or opens one for `carrier` to send.
    ///
    /// The batch is sent by a task of its own, never by a caller: a caller that goes away must not
    /// take the others' answers with it.
    pub(crate) async fn ask<C: Carrier>(
        &self,
        carrier: impl FnOnce() -> C,
        tasks: &Tasks,
        name: &[u8],
        deadline: Instant,
    ) -> Answer {
        let (caller, answer) = oneshot::channel();
        if self.push(name, caller, deadline) {
            let opened = Opened(Some(carrier()));
            // Without a runtime the task is dropped here, and with it the batch.
            tasks.spawn_to_end(async move {
                // Whoever is ready to run now gets into this batch.
                yield_now().await;
                if let Some((batch, carrier)) = opened.take() {
                    batch.send(&carrier).await;
                }
            });
        }
        answer.await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Connection, Certainty::Unknown, "the runtime of the batch ended"))
        })
    }

    /// Adds a caller; answers whether it opened the batch.
    fn push(&self, name: &[u8], caller: oneshot::Sender<Answer>, deadline: Instant) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let opens = open.is_none();
        let batch = open.get_or_insert_with(|| {
            let mut mget = Cmd::with_capacity(64, 64 * 48);
            mget.arg("MGET");
            Batch { mget, callers: Vec::with_capacity(64), deadline }
        });
        batch.mget.arg(name);
        batch.callers.push(caller);
        batch.deadline = batch.deadline.max(deadline);
        opens
    }

    fn take(&self) -> Option<Batch> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The duty to send the batch that was opened, which stays the open one until it is taken here.
struct Opened<C: Carrier>(Option<C>);

impl<C: Carrier> Opened<C> {
    fn take(mut self) -> Option<(Batch, C)> {
        let carrier = self.0.take()?;
        Some((carrier.gather().take()?, carrier))
    }
}

impl<C: Carrier> Drop for Opened<C> {
    /// The task never ran: its runtime ended. The batch must not stay open, for nobody would send it.
    fn drop(&mut self) {
        let Some(batch) = self.0.take().and_then(|carrier| carrier.gather().take()) else { return };
        for caller in batch.callers {
            let unsent = Error::new(ErrorKind::Connection, Certainty::NotSent, "the batch was never sent");
            answer_one(caller, Err(unsent));
        }
    }
}

impl Batch {
    async fn send<C: Carrier>(self, carrier: &C) {
        let Self { mget, callers, deadline } = self;
        let answer = tokio::time::timeout_at(deadline, carrier.carry(&mget, deadline)).await;
        match answer {
            Ok(Ok(Value::Array(values))) if values.len() == callers.len() => {
                for (caller, value) in callers.into_iter().zip(values) {
                    answer_one(caller, read(value));
                }
            }
            // A key that this user may not read fails the whole MGET; the others have done no wrong.
            Ok(Err(error)) if error.kind() == ErrorKind::Permission => {
                ask_alone(&mget, callers, carrier, deadline).await
            }
            Ok(Err(error)) => {
                callers.into_iter().for_each(|caller| answer_one(caller, Err(error.duplicate())))
            }
            Ok(Ok(_)) => callers.into_iter().for_each(|caller| {
                answer_one(caller, Err(Error::protocol("an MGET was answered with something else")))
            }),
            // No caller has a later deadline than the batch; each finds out by itself.
            Err(_) => {}
        }
    }
}

async fn ask_alone<C: Carrier>(
    mget: &Cmd,
    callers: Vec<oneshot::Sender<Answer>>,
    carrier: &C,
    deadline: Instant,
) {
    let names = mget.args_iter().skip(1);
    let reads = names.zip(callers).filter_map(|(name, caller)| {
        let Arg::Simple(name) = name else { return None };
        let mut get = redis::cmd("GET");
        get.arg(name);
        Some(async move {
            if let Ok(answer) = tokio::time::timeout_at(deadline, carrier.carry(&get, deadline)).await {
                answer_one(caller, answer.and_then(read));
            }
        })
    });
    join_all(reads).await;
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
