//! Concurrent reads travel as one MGET.

use std::{
    future::Future,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::future::join_all;
use redis::{Arg, Cmd, Value};
use tokio::{
    sync::oneshot,
    task::yield_now,
    time::{Instant, timeout_at},
};

use super::{
    lane::{Lane, Live},
    wanted::{Found, Wanted, read},
};
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
    names: usize,
    /// The names that several callers share, and where they stand among all; mostly one.
    shared: Vec<(Vec<u8>, usize)>,
    callers: Vec<Waiting>,
    /// That of its most patient caller.
    deadline: Instant,
}

/// A caller, and where its names stand.
struct Waiting {
    caller: oneshot::Sender<Result<Found>>,
    name: usize,
    shared: Option<usize>,
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
        wanted: Wanted<'_>,
        deadline: Instant,
    ) -> Result<Found> {
        let (caller, answer) = oneshot::channel();
        if self.push(wanted, caller, deadline) {
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
    fn push(&self, wanted: Wanted<'_>, caller: oneshot::Sender<Result<Found>>, deadline: Instant) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let opens = open.is_none();
        let batch = open.get_or_insert_with(|| Batch::new(deadline));
        let waiting = Waiting {
            caller,
            name: batch.add(wanted.name),
            shared: wanted.shared.map(|name| batch.add_shared(name)),
        };
        batch.callers.push(waiting);
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
        let unsent = Error::new(ErrorKind::Connection, Certainty::NotSent, "the batch was never sent");
        batch.refuse(&unsent);
    }
}

impl Batch {
    fn new(deadline: Instant) -> Self {
        let mut mget = Cmd::with_capacity(64, 64 * 48);
        mget.arg("MGET");
        Self { mget, names: 0, shared: Vec::new(), callers: Vec::with_capacity(64), deadline }
    }

    /// Adds a name; answers where it stands.
    fn add(&mut self, name: &[u8]) -> usize {
        self.mget.arg(name);
        self.names += 1;
        self.names - 1
    }

    /// The same for one that is read once for all who want it.
    fn add_shared(&mut self, name: &[u8]) -> usize {
        if let Some((_, at)) = self.shared.iter().find(|(shared, _)| shared == name) {
            return *at;
        }
        let at = self.add(name);
        self.shared.push((name.to_vec(), at));
        at
    }

    async fn send<C: Carrier>(self, carrier: &C) {
        let answer = timeout_at(self.deadline, carrier.carry(&self.mget, self.deadline)).await;
        match answer {
            Ok(Ok(Value::Array(values))) if values.len() == self.names => {
                self.answer(values.into_iter().map(|value| Some(read(value))).collect());
            }
            // A key that this user may not read fails the whole MGET; the others have done no wrong.
            Ok(Err(error)) if error.kind() == ErrorKind::Permission => {
                let answers = self.ask_alone(carrier).await;
                self.answer(answers);
            }
            Ok(Err(error)) => self.refuse(&error),
            Ok(Ok(_)) => self.refuse(&Error::protocol("an MGET was answered with something else")),
            // No caller has a later deadline than the batch; each finds out by itself.
            Err(_) => {}
        }
    }

    /// Reads each name by itself; none for what did not come in time.
    async fn ask_alone<C: Carrier>(&self, carrier: &C) -> Vec<Option<Answer>> {
        let names = self.mget.args_iter().skip(1);
        let reads = names.map(|name| {
            let mut get = redis::cmd("GET");
            if let Arg::Simple(name) = name {
                get.arg(name);
            }
            async move {
                let answer = timeout_at(self.deadline, carrier.carry(&get, self.deadline)).await.ok()?;
                Some(answer.and_then(read))
            }
        });
        join_all(reads).await
    }

    /// Gives each caller what was under its names.
    fn answer(self, mut answers: Vec<Option<Answer>>) {
        for Waiting { caller, name, shared } in self.callers {
            let shared = match shared.map(|at| &answers[at]) {
                None => Some(Ok(None)),
                Some(None) => None,
                Some(Some(Ok(value))) => Some(Ok(value.clone())),
                Some(Some(Err(error))) => Some(Err(error.duplicate())),
            };
            // Nobody else stands where the caller's own name does.
            let (Some(name), Some(shared)) = (answers[name].take(), shared) else { continue };
            answer_one(caller, name.and_then(|name| Ok((name, shared?))));
        }
    }

    fn refuse(self, error: &Error) {
        self.callers.into_iter().for_each(|waiting| answer_one(waiting.caller, Err(error.duplicate())));
    }
}

fn answer_one(caller: oneshot::Sender<Result<Found>>, answer: Result<Found>) {
    // A caller that has gone away wants no answer.
    drop(caller.send(answer));
}
