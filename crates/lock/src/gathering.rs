//! Questions of the same moment travel together.

use std::{
    fmt, mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use redstart_connection::{Error, ErrorKind, Operation, Result, Store};
use tokio::{sync::oneshot, task::yield_now};

/// An operation that answers many questions in one step.
pub(crate) trait Many: Operation<Output = Vec<Self::Answer>> + Default + 'static {
    type Question: Send;
    type Answer: Send + 'static;

    /// Adds a question; the answers come in the order of the questions.
    fn add(self, question: Self::Question) -> Self;
}

/// Gathers the questions of one moment into one step.
pub(crate) struct Gathering<O: Many>(Arc<Shared<O>>);

struct Shared<O: Many> {
    store: Store,
    open: Mutex<Batch<O>>,
    /// How many steps are on their way.
    under_way: AtomicUsize,
}

struct Batch<O: Many>(Vec<Asked<O>>);

struct Asked<O: Many> {
    question: O::Question,
    caller: oneshot::Sender<Result<O::Answer>>,
}

impl<O: Many<Question: Operation<Output = O::Answer>>> Gathering<O> {
    /// Asks at once if nobody else does, and otherwise along with all who ask at this moment.
    ///
    /// None if the others kept this from being answered, so that it has to be asked alone.
    pub(crate) async fn ask(&self, question: O::Question) -> Result<Option<O::Answer>> {
        if self.0.under_way.load(Ordering::Relaxed) != 0 {
            return self.ask_with_others(question).await;
        }
        let _under_way = UnderWay::begin(&self.0.under_way);
        self.0.store.run(&question).await.map(Some)
    }
}

impl<O: Many> Gathering<O> {
    pub(crate) fn new(store: Store) -> Self {
        let (open, under_way) = (Mutex::default(), AtomicUsize::new(0));
        Self(Arc::new(Shared { store, open, under_way }))
    }

    /// Asks along with all who ask at this moment.
    ///
    /// The batch is sent by a task of its own, never by a caller: one that goes away must not take the others'
    /// answers along.
    pub(crate) async fn ask_with_others(&self, question: O::Question) -> Result<Option<O::Answer>> {
        let (caller, answer) = oneshot::channel();
        if self.0.push(question, caller) {
            let opened = Opened(Some(Arc::clone(&self.0)));
            // Without a runtime the task is dropped here, and with it the batch.
            self.0.store.tasks().spawn_to_end(async move {
                // Whoever is ready to run now gets into this batch.
                yield_now().await;
                opened.send().await;
            });
        }
        match answer.await {
            Ok(Ok(answer)) => Ok(Some(answer)),
            // What one has done wrong is no other's fault.
            Ok(Err(error)) if is_of_one(error.kind()) => Ok(None),
            Ok(Err(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }
}

/// Whether a single question can be the cause.
const fn is_of_one(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Permission | ErrorKind::WrongType | ErrorKind::Script | ErrorKind::Server)
}

impl<O: Many> Shared<O> {
    /// Adds a caller; answers whether it opened the batch.
    fn push(&self, question: O::Question, caller: oneshot::Sender<Result<O::Answer>>) -> bool {
        let Batch(asked) = &mut *self.open();
        asked.push(Asked { question, caller });
        asked.len() == 1
    }

    fn take(&self) -> Batch<O> {
        mem::take(&mut *self.open())
    }

    fn open(&self) -> MutexGuard<'_, Batch<O>> {
        // Every change under this lock is complete before anything could panic.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The duty to send the batch that was opened, which stays the open one until it is taken here.
struct Opened<O: Many>(Option<Arc<Shared<O>>>);

impl<O: Many> Opened<O> {
    async fn send(mut self) {
        let Some(shared) = self.0.take() else { return };
        let Batch(asked) = shared.take();
        // Whoever went away meanwhile gives its token back: that must not be overtaken by its question.
        let asked = asked.into_iter().filter(|asked| !asked.caller.is_closed());
        let (operation, callers) =
            asked.fold((O::default(), Vec::new()), |(operation, mut callers), asked| {
                callers.push(asked.caller);
                (operation.add(asked.question), callers)
            });
        if callers.is_empty() {
            return;
        }
        let _under_way = UnderWay::begin(&shared.under_way);
        match shared.store.run(&operation).await {
            Ok(answers) => {
                for (caller, answer) in callers.into_iter().zip(answers) {
                    tell(caller, Ok(answer));
                }
            }
            Err(error) => callers.into_iter().for_each(|caller| tell(caller, Err(error.duplicate()))),
        }
    }
}

impl<O: Many> Drop for Opened<O> {
    /// The task never ran: nobody else would send the batch.
    fn drop(&mut self) {
        drop(self.0.take().map(|shared| shared.take()));
    }
}

/// Counts a step that is on its way.
struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn tell<T>(caller: oneshot::Sender<Result<T, Error>>, answer: Result<T, Error>) {
    // A caller that has gone away wants no answer.
    drop(caller.send(answer));
}

impl<O: Many> Default for Batch<O> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<O: Many> fmt::Debug for Gathering<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gathering")
            .field("open", &self.0.open().0.len())
            .field("under_way", &self.0.under_way.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}
