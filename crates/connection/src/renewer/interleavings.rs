//! Every order in which a renewal, its answer, the time, and the end of a lease can meet, up to a depth.
//!
//! The renewer is the real one; the server is four lines, and its answers wait until the order of the test has
//! them sent. What the renewer's task does between two steps runs to its end, so the orders that are tried are
//! those of everything that comes from outside.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use redstart_keys::Ttl;
use tokio::sync::oneshot;

use super::{Kept, Loss, Renewal, Renewer};
use crate::{Clock, Tasks, Timestamp};

const TTL: Ttl = Ttl::seconds(12);
/// Steps of a history after the first.
const DEPTH: usize = 6;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Past the next renewal.
    Advance,
    /// Past the end of a lease.
    Sleep,
    /// The server carries the oldest question out.
    Serve,
    /// The oldest answer of the server arrives.
    Answer,
    /// The oldest answer, or question, is lost.
    Lose,
    /// The holder ends it, and the server lets go.
    Release,
    /// Somebody takes it away on the server.
    Take,
}

const STEPS: [Step; 7] =
    [Step::Advance, Step::Sleep, Step::Serve, Step::Answer, Step::Lose, Step::Release, Step::Take];

struct Question {
    answer: oneshot::Sender<Renewal>,
    served: Option<Renewal>,
}

struct World {
    clock: Clock,
    tasks: Tasks,
    /// Until when the server has it for us.
    leased_until: Option<Instant>,
    questions: Arc<Mutex<Vec<Question>>>,
    kept: Option<Kept>,
    ended: Option<super::Validity>,
}

impl World {
    fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_micros(1_000_000));
        let tasks = Tasks::new();
        let renewer = Renewer::new(tasks.clone(), clock.clone());
        let questions: Arc<Mutex<Vec<Question>>> = Arc::default();
        let asked = Arc::clone(&questions);
        let kept = renewer.keep(TTL, clock.instant(), move || {
            let (answer, answered) = oneshot::channel();
            asked.lock().expect("nobody panics").push(Question { answer, served: None });
            Box::pin(async move { answered.await.unwrap_or(Renewal::Unknown) })
        });
        let leased_until = Some(clock.instant() + TTL.as_duration());
        Self { clock, tasks, leased_until, questions, kept: Some(kept), ended: None }
    }

    fn step(&mut self, step: Step) {
        let now = self.clock.instant();
        let mut questions = self.questions.lock().expect("nobody panics");
        match step {
            Step::Advance => self.clock.advance(TTL.as_duration() / 3),
            Step::Sleep => self.clock.advance(TTL.as_duration()),
            Step::Serve => {
                let Some(question) = questions.iter_mut().find(|question| question.served.is_none()) else {
                    return;
                };
                let is_held = self.leased_until.is_some_and(|end| now < end);
                if is_held {
                    self.leased_until = Some(now + TTL.as_duration());
                }
                question.served = Some(if is_held { Renewal::Kept } else { Renewal::Lost });
            }
            Step::Answer => {
                if questions.first().is_some_and(|question| question.served.is_some()) {
                    let Question { answer, served } = questions.remove(0);
                    // The lease may have ended meanwhile, and its renewal with it.
                    let _gone = answer.send(served.expect("it was served"));
                }
            }
            Step::Lose => {
                if !questions.is_empty() {
                    drop(questions.remove(0));
                }
            }
            Step::Release => {
                if let Some(kept) = self.kept.take() {
                    self.ended = Some(kept.validity());
                    kept.end(Loss::Released);
                    self.leased_until = None;
                }
            }
            Step::Take => self.leased_until = None,
        }
    }

    /// Runs the renewer's task until it waits for something from outside.
    async fn settle(&self) {
        // The time of the runtime is paused, so this passes at once, with every timer before it.
        tokio::time::sleep(Duration::from_millis(3)).await;
    }

    fn check(&self, was_taken: bool, was_valid: &mut bool) {
        let asked = self.questions.lock().expect("nobody panics").len();
        if let Some(ended) = &self.ended {
            assert!(!ended.is_valid(), "valid after its end");
            assert!(ended.loss().is_some(), "no cause of the loss");
        }
        let Some(kept) = &self.kept else { return };
        let validity = kept.validity();
        let is_valid = validity.is_valid();
        assert!(*was_valid || !is_valid, "valid again after a loss");
        assert_eq!(is_valid, validity.loss().is_none(), "the loss and the time left disagree");
        if is_valid && !was_taken {
            let now = self.clock.instant();
            assert!(self.leased_until.is_some_and(|end| now < end), "valid here and over on the server");
        }
        assert!(asked <= 1, "{asked} renewals of one lease under way");
        *was_valid = is_valid;
    }
}

async fn run(history: &[Step]) {
    let (mut world, mut was_valid, mut was_taken) = (World::new(), true, false);
    world.settle().await;
    for (place, &step) in history.iter().enumerate() {
        let asked = world.questions.lock().expect("nobody panics").len();
        let had_ended = world.ended.is_some();
        world.step(step);
        was_taken |= matches!(step, Step::Take);
        // First as a caller sees it who is faster than the task, then after the task had its turn.
        world.check(was_taken, &mut was_valid);
        world.settle().await;
        world.check(was_taken, &mut was_valid);
        let asks = world.questions.lock().expect("nobody panics").len();
        assert!(!had_ended || asks <= asked, "asked again after the end, at step {place} of {history:?}");
    }
    if let Some(kept) = &world.kept {
        // Whatever came before: without answers the lease ends, and its holder is told.
        world.clock.advance(2 * TTL.as_duration());
        let validity = kept.validity();
        let lost = tokio::time::timeout(Duration::from_secs(60), validity.lost());
        lost.await.unwrap_or_else(|_| panic!("nobody was told of the loss after {history:?}"));
    }
    drop(world.kept.take());
    world.settle().await;
    drop(world.tasks);
}

#[test]
fn renewals_hold_their_promise_in_every_order() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime can be built");
    let count = STEPS.len().pow(u32::try_from(DEPTH).expect("a small number"));
    for number in 0..count {
        let digits = std::iter::successors(Some(number), |rest| Some(rest / STEPS.len()));
        let history: Vec<Step> = digits.take(DEPTH).map(|rest| STEPS[rest % STEPS.len()]).collect();
        runtime.block_on(run(&history));
    }
}
