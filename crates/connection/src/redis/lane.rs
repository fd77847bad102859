//! A lane: one supervised connection that many calls share.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::{ArcSwapOption, Guard};
use redis::{Cmd, RedisError, Value, aio::MultiplexedConnection};
use tokio::{
    sync::{Notify, SemaphorePermit},
    time::{Instant, timeout_at},
};

use super::{
    account::Carrier,
    classify::{Verdict, classify},
    dial::Identity,
    gather::Gather,
    node::Node,
    permits::Permits,
    supervisor,
};
use crate::{
    Error, Result,
    clock::{deadline_in, runtime_now},
};

/// How many calls in a row may go unanswered before the lane is looked at.
const SUSPECT_AFTER: u32 = 3;

pub(crate) struct Lane {
    pub(crate) index: usize,
    pub(crate) gather: Gather,
    live: ArcSwapOption<Live>,
    state: Mutex<State>,
    permits: Permits,
    supervised: AtomicBool,
}

/// Where a lane without a connection stands.
#[derive(Clone)]
pub(crate) enum State {
    /// A connection is up, or being made; it is worth a short wait.
    Hopeful,
    /// The last attempt to connect failed.
    Down(Arc<Error>),
}

impl Lane {
    pub(crate) fn new(index: usize) -> Self {
        Self {
            index,
            gather: Gather::default(),
            live: ArcSwapOption::empty(),
            state: Mutex::new(State::Hopeful),
            permits: Permits::default(),
            supervised: AtomicBool::new(false),
        }
    }

    /// The connection, when it is up.
    pub(crate) fn live(&self) -> Option<Arc<Live>> {
        Guard::into_inner(self.live.load())
    }

    pub(crate) fn is_live(&self) -> bool {
        self.live.load().is_some()
    }

    /// Whether anybody has asked for this lane.
    pub(crate) fn is_in_use(&self) -> bool {
        self.supervised.load(Ordering::Relaxed)
    }

    pub(crate) fn publish(&self, live: Arc<Live>) {
        self.set_state(State::Hopeful);
        self.live.store(Some(live));
    }

    pub(crate) fn withdraw(&self) {
        self.live.store(None);
    }

    pub(crate) fn set_state(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    pub(crate) fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.permits.taken()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.permits.waiting()
    }

    /// The right to have one more command in flight, in order of arrival.
    pub(crate) async fn permit(&self) -> Result<SemaphorePermit<'_>> {
        self.permits.take().await
    }

    /// Starts the supervisor where none runs: at the first call, and after a runtime has ended.
    pub(crate) fn ensure_supervised(self: &Arc<Self>, node: &Arc<Node>) {
        if self.supervised.swap(true, Ordering::AcqRel) {
            return;
        }
        let watch = Supervision { lane: Arc::clone(self), node: Arc::clone(node) };
        node.common.tasks.spawn("lane", async move {
            tokio::select! {
                () = watch.node.retired.cancelled() => {}
                () = supervisor::supervise(&watch.lane, &watch.node) => {}
            }
        });
    }
}

/// Held by the supervisor; whatever ends it, the lane is then known to be alone.
struct Supervision {
    lane: Arc<Lane>,
    node: Arc<Node>,
}

impl Drop for Supervision {
    fn drop(&mut self) {
        self.lane.withdraw();
        self.lane.set_state(State::Hopeful);
        self.lane.supervised.store(false, Ordering::Release);
        // Callers on other runtimes wait for this lane; one of them takes it over.
        self.node.lanes_changed();
    }
}

/// A connection that is up.
pub(crate) struct Live {
    connection: MultiplexedConnection,
    pub(super) carrier: Carrier,
    pub(crate) attention: Notify,
    condemned: OnceLock<&'static str>,
    unanswered: AtomicU32,
    answers: AtomicU64,
    identity: Mutex<Identity>,
}

impl Live {
    pub(crate) fn new(connection: MultiplexedConnection, identity: Identity) -> Self {
        Self {
            connection,
            carrier: Carrier::next(),
            identity: Mutex::new(identity),
            attention: Notify::new(),
            condemned: OnceLock::new(),
            unanswered: AtomicU32::new(0),
            answers: AtomicU64::new(0),
        }
    }

    /// Sends one command; `deadline` only tells a late caller from a cancelled one.
    pub(crate) async fn send(&self, cmd: &Cmd, deadline: Instant) -> Result<Value> {
        let mut connection = self.connection.clone();
        let pending = Pending { live: self, deadline, answered: false };
        let answer = connection.send_packed_command(cmd).await;
        pending.answered();
        answer.map_err(|error| self.judge(&error)).and_then(|answer| self.opened(answer))
    }

    /// Sends several commands in one write.
    pub(crate) async fn send_all(
        &self,
        pipeline: &redis::Pipeline,
        count: usize,
        deadline: Instant,
    ) -> Result<Vec<Result<Value>>> {
        let mut connection = self.connection.clone();
        let pending = Pending { live: self, deadline, answered: false };
        let answers = connection.send_packed_commands(pipeline, 0, count).await;
        pending.answered();
        let answers = answers.map_err(|error| self.judge(&error))?;
        Ok(answers.into_iter().map(|answer| self.opened(answer)).collect())
    }

    /// An answer, or the server's error that it is.
    fn opened(&self, answer: Value) -> Result<Value> {
        match answer {
            Value::ServerError(error) => Err(self.judge(&error.into())),
            answer => Ok(answer),
        }
    }

    /// Asks for a sign of life.
    pub(crate) async fn ping(&self, within: Duration) -> bool {
        let deadline = deadline_in(within);
        let mut connection = self.connection.clone();
        let ping = redis::cmd("PING");
        let pong = timeout_at(deadline, connection.send_packed_command(&ping)).await;
        // Any answer is a sign of life, an error of the server included.
        matches!(pong, Ok(Ok(_))) || matches!(pong, Ok(Err(error)) if error.code().is_some())
    }

    /// The driver's handle, for questions beside the calls.
    pub(crate) fn connection(&self) -> MultiplexedConnection {
        self.connection.clone()
    }

    /// What the connection was opened with.
    pub(crate) fn identity(&self) -> Identity {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Logs in anew; answers whether the server agreed.
    pub(crate) async fn log_in(&self, identity: Identity, within: Duration) -> bool {
        let Some(auth) = identity.auth() else { return false };
        let mut connection = self.connection.clone();
        let answer = timeout_at(deadline_in(within), connection.send_packed_command(&auth)).await;
        let agreed = matches!(answer, Ok(Ok(ref value)) if !matches!(value, Value::ServerError(_)));
        if agreed {
            *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = identity;
        }
        agreed
    }

    /// Sends what belongs to no call, and answers with whatever comes.
    pub(crate) async fn ask(&self, pipeline: &redis::Pipeline, count: usize) -> Result<Vec<Value>> {
        let mut connection = self.connection.clone();
        connection.send_packed_commands(pipeline, 0, count).await.map_err(|error| classify(&error).0)
    }

    /// Takes the connection out of service.
    pub(crate) fn condemn(&self, reason: &'static str) {
        let _first = self.condemned.set(reason);
        self.attention.notify_one();
    }

    pub(crate) fn condemned(&self) -> Option<&'static str> {
        self.condemned.get().copied()
    }

    pub(crate) fn is_suspect(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) >= SUSPECT_AFTER
    }

    pub(crate) fn trust(&self) {
        self.unanswered.store(0, Ordering::Relaxed);
    }

    /// How many answers have come, to tell an idle connection from a busy one.
    pub(crate) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Turns a driver's error into ours and draws the consequence for the connection.
    fn judge(&self, error: &RedisError) -> Error {
        let (error, verdict) = classify(error);
        if let Verdict::Replace(reason) = verdict {
            self.condemn(reason);
        }
        error
    }
}

/// One call's wait for its answer.
struct Pending<'a> {
    live: &'a Live,
    deadline: Instant,
    answered: bool,
}

impl Pending<'_> {
    fn answered(mut self) {
        self.answered = true;
        self.live.answers.fetch_add(1, Ordering::Relaxed);
        if self.live.unanswered.load(Ordering::Relaxed) != 0 {
            self.live.trust();
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        // A caller that went away early says nothing about the connection.
        if self.answered || runtime_now() < self.deadline {
            return;
        }
        if self.live.unanswered.fetch_add(1, Ordering::Relaxed) + 1 >= SUSPECT_AFTER {
            self.live.attention.notify_one();
        }
    }
}
