//! The engine: starts calls when they are due, whatever became of those before.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use redstart_connection::{Clock, Store, Timestamp};
use redstart_monitor::Rfc3339;
use tokio::{runtime::Handle, sync::oneshot};
use tokio_util::task::TaskTracker;

use super::{
    choice::{Choice, Chooser},
    generator::Generator,
    outcome::{Failure, Outcome, SCHEMA_VERSION, Second, Setting, Starts, StepOutcome},
    pacer::{Paced, pace},
    record::{Recorder, Tally, Took},
    scenario::Scenario,
    spread::Spread,
    stage::Plan,
    watch::{Look, Watch},
    work::Work,
};

/// How long it is waited for answers after the last start.
const DRAIN: Duration = Duration::from_secs(10);
/// The first call is due so long after the beginning, so that the thread is there in time.
const HEAD_START: Duration = Duration::from_millis(20);

/// A second that is shorter than this says nothing of rates.
const SHORTEST: f64 = 0.25;

/// What a load brought.
#[derive(Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The document.
    pub outcome: Outcome,
    /// The response times, second by second.
    pub intervals: Vec<Interval>,
    /// When it began.
    pub begun: Timestamp,
}

/// The response times of one second, in microseconds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Interval {
    /// When it began, counted from the beginning of the load.
    pub at: Duration,
    /// How long it was.
    pub lasted: Duration,
    /// The times.
    pub response: Histogram<u64>,
}

/// Makes the calls of `scenario`, each when it is due, and tells every second what came of them.
///
/// A call that is due is started whether or not earlier ones have been answered, as the users of a service
/// do it; its response time counts from the moment when it should have started.
/// A load that waits for its answers instead would ask less while the service is slow, and so hide it.
///
/// `watched` is the store whose server, connections and memory are looked at meanwhile.
/// When `interrupted` comes, no more calls are started, and what is under way is waited for.
///
/// # Errors
///
/// Fails when the system has no thread to give.
///
/// # Cancel safety
///
/// If this is dropped midway no more calls are started; those under way go on to their ends.
pub async fn run<W: Work>(
    scenario: &Scenario,
    work: &Arc<W>,
    watched: Option<&Store>,
    target: &str,
    interrupted: impl Future<Output = ()>,
    mut on_second: impl FnMut(&Second),
) -> io::Result<Loaded> {
    let clock = Clock::system();
    let mut watch = Watch::begin(watched.cloned()).await;
    let shared = Arc::new(Shared::new(work.steps().len()));
    let _end = EndWithMe(Arc::clone(&shared));
    let plan = Plan::new(&scenario.stages);
    let (begun, begin) = (clock.now(), clock.instant() + HEAD_START);
    let exhausted_before = work.exhausted();

    let (calls, paced) = start(scenario, work, &shared, plan.clone(), begin)?;
    let finished = async {
        let paced = paced.await.unwrap_or_default();
        calls.close();
        // What is not answered by then is counted as what it is.
        let _in_time = tokio::time::timeout(DRAIN, calls.wait()).await;
        paced
    };
    let mut seconds = Seconds::new(plan, begin, work.steps().len());
    tokio::pin!(finished, interrupted);
    let paced = loop {
        let tick = tokio::time::sleep_until((seconds.last + Duration::from_secs(1)).into());
        tokio::select! {
            paced = &mut finished => break paced,
            () = &mut interrupted, if !shared.is_over() => shared.end(),
            () = tick => {
                let look = watch.look().await;
                on_second(seconds.close(&shared, look, clock.instant()));
            }
        }
    };
    let look = watch.look().await;
    let ended = clock.instant();
    on_second(seconds.close(&shared, look, ended));
    seconds.drop_short_end();

    let mut outcome = seconds.outcome(scenario, work, &shared, paced, ended);
    outcome.target = target.to_owned();
    outcome.started_at = Rfc3339::from(begun).to_string();
    (outcome.memory, outcome.evicted) = (watch.memory(), watch.evicted());
    outcome.pool = watch.pool(work.exhausted().saturating_sub(exhausted_before) + refused(&outcome));
    outcome.generator = Generator::judge(&outcome, watch.busy(ended.duration_since(begin)));
    outcome.thresholds = scenario.thresholds.iter().map(|threshold| threshold.judge(&outcome)).collect();
    Ok(Loaded { outcome, intervals: seconds.intervals, begun })
}

/// Calls for which there was no permit at all.
fn refused(outcome: &Outcome) -> u64 {
    outcome.failures.get("overloaded").map_or(0, |failure| failure.count)
}

/// What the thread, the calls and the report share.
#[derive(Debug)]
struct Shared {
    recorder: Recorder,
    is_over: AtomicBool,
    in_flight: AtomicU64,
    made: AtomicU64,
    dropped: AtomicU64,
}

/// Starts nothing more when the load is dropped.
struct EndWithMe(Arc<Shared>);

impl Shared {
    fn new(steps: usize) -> Self {
        Self {
            recorder: Recorder::new(steps),
            is_over: AtomicBool::new(false),
            in_flight: AtomicU64::new(0),
            made: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

impl Drop for EndWithMe {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Starts the thread that starts the calls.
fn start<W: Work>(
    scenario: &Scenario,
    work: &Arc<W>,
    shared: &Arc<Shared>,
    plan: Plan,
    begin: Instant,
) -> io::Result<(TaskTracker, oneshot::Receiver<Paced>)> {
    let (runtime, calls) = (Handle::current(), TaskTracker::new());
    let (work, shared, tracker) = (Arc::clone(work), Arc::clone(shared), calls.clone());
    let mut chooser = chooser(scenario, work.as_ref());
    let most = u64::try_from(scenario.most_in_flight).unwrap_or(u64::MAX);
    let (done, paced) = oneshot::channel();
    thread::Builder::new().name("redstart-load".to_owned()).spawn(move || {
        let clock = Clock::system();
        let paced = pace(&plan, &clock, begin, &shared.is_over, |due| {
            // Chosen for dropped calls too, so that the others stay what they would have been.
            let choice = chooser.choose();
            if most <= shared.in_flight.load(Ordering::Relaxed) {
                shared.dropped.fetch_add(1, Ordering::Relaxed);
                return;
            }
            shared.made.fetch_add(1, Ordering::Relaxed);
            shared.in_flight.fetch_add(1, Ordering::Relaxed);
            tracker.spawn_on(call(Arc::clone(&work), Arc::clone(&shared), due, choice), &runtime);
        });
        // Nobody waits for a load that was dropped.
        let _is_heard = done.send(paced).is_ok();
    })?;
    Ok((calls, paced))
}

fn chooser<W: Work>(scenario: &Scenario, work: &W) -> Chooser {
    let Scenario { seed, keys, sizes, .. } = scenario;
    Chooser::new(*seed, work.weights(), *keys, *sizes)
}

async fn call<W: Work>(work: Arc<W>, shared: Arc<Shared>, due: Instant, choice: Choice) {
    let clock = Clock::system();
    let began = clock.instant();
    let answer = work.call(choice).await;
    let took = Took {
        late: began.saturating_duration_since(due),
        service: clock.instant().saturating_duration_since(began),
    };
    shared.recorder.note(choice.step, took, &answer);
    shared.in_flight.fetch_sub(1, Ordering::Relaxed);
}

/// The load so far, second by second.
struct Seconds {
    plan: Plan,
    begin: Instant,
    last: Instant,
    dropped: u64,
    whole: Tally,
    timeline: Vec<Second>,
    intervals: Vec<Interval>,
}

impl Seconds {
    fn new(plan: Plan, begin: Instant, steps: usize) -> Self {
        let whole = Tally::new(steps);
        Self { plan, begin, last: begin, dropped: 0, whole, timeline: Vec::new(), intervals: Vec::new() }
    }

    /// Ends a second.
    fn close(&mut self, shared: &Shared, look: Look, now: Instant) -> &Second {
        let tally = shared.recorder.take();
        let (from, until) = (self.last.saturating_duration_since(self.begin), now.duration_since(self.begin));
        let lasted = until.saturating_sub(from);
        let seconds = lasted.as_secs_f64();
        let dropped = shared.dropped.load(Ordering::Relaxed);
        let second = Second {
            at: until.as_secs_f64(),
            seconds,
            planned: (self.plan.starts_until(until) - self.plan.starts_until(from)) / seconds,
            answered: tally.ended() as f64 / seconds,
            failed: tally.failed(),
            limited: tally.limited,
            dropped: dropped - self.dropped,
            in_flight: shared.in_flight.load(Ordering::Relaxed),
            response: Spread::of(&tally.response),
            lateness_p99_ms: Spread::of(&tally.lateness).p99_ms,
            hit_rate: tally.hit_rate(),
            server_bytes: look.server,
            client_bytes: look.client,
        };
        self.whole.add(&tally);
        self.intervals.push(Interval { at: from, lasted, response: tally.response });
        (self.dropped, self.last) = (dropped, now);
        self.timeline.push(second);
        &self.timeline[self.timeline.len() - 1]
    }

    /// A rest that is too short for rates is no second; what came in it counts in the whole all the same.
    fn drop_short_end(&mut self) {
        if 1 < self.timeline.len() {
            self.timeline.pop_if(|second| second.seconds < SHORTEST);
        }
    }

    /// The document, but for what was looked at beside the calls.
    fn outcome<W: Work>(
        &mut self,
        scenario: &Scenario,
        work: &Arc<W>,
        shared: &Shared,
        paced: Paced,
        ended: Instant,
    ) -> Outcome {
        let tally = &self.whole;
        let elapsed = ended.duration_since(self.begin);
        let made = shared.made.load(Ordering::Relaxed);
        let steps = work.steps().into_iter().zip(&tally.steps).map(|(name, step)| StepOutcome {
            name,
            failed: step.failed,
            response: Spread::of(&step.response),
        });
        let failures = tally.failures.iter().map(|(class, failures)| {
            ((*class).to_owned(), Failure { count: failures.count, example: failures.example.clone() })
        });
        Outcome {
            schema_version: SCHEMA_VERSION,
            scenario: Setting::of(scenario),
            seconds: elapsed.as_secs_f64(),
            interrupted: shared.is_over(),
            starts: Starts {
                planned: self.plan.starts(),
                made,
                dropped: shared.dropped.load(Ordering::Relaxed) + paced.not_started,
                unanswered: made.saturating_sub(tally.ended()),
            },
            answered_per_second: tally.ended() as f64 / elapsed.as_secs_f64(),
            response: Spread::of(&tally.response),
            service: Spread::of(&tally.service),
            lateness: Spread::of(&tally.lateness),
            hit_rate: tally.hit_rate(),
            limited: tally.limited,
            failures: failures.collect(),
            steps: steps.collect(),
            timeline: std::mem::take(&mut self.timeline),
            ..Outcome::default()
        }
    }
}

impl Setting {
    fn of(scenario: &Scenario) -> Self {
        Self {
            name: scenario.name.clone(),
            description: scenario.description.clone(),
            stages: scenario.stages.clone(),
            keys: scenario.keys.count,
            zipf: scenario.keys.zipf,
            value_size: scenario.sizes.to_string(),
        }
    }
}
