//! `cargo xtask outage`: a service behind rate limits whose server swallows everything.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt,
    io::{self, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{Request, Response, StatusCode};
use redstart_connection::{BreakerState, Config, Store};
use redstart_http::{LimitBy, RateLimitLayer};
use redstart_ratelimit::{OnOutage, Policy, Subject};
use redstart_testkit::{Fault, Proxy, RedisServer};
use tokio::{runtime::Runtime, task::block_in_place, time::sleep};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::{
    Result,
    cell::millis,
    clock::now,
    machine::{self, Stalls},
    record::{Mark, Record},
};

const TASKS: usize = 16;
const PACE: Duration = Duration::from_millis(5);
const WARM_UP: Duration = Duration::from_millis(1_500);
const PHASE: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(1);
/// A breaker that is not open by then is an error of this program.
const PATIENCE: Duration = Duration::from_secs(20);
/// What the timers and the scheduler may add.
const SLACK_MS: f64 = 50.0;
/// What the breaker's answer may take beyond that of a server.
const NOTHING_MS: f64 = 1.0;

/// Nobody is ever refused for having asked too often.
const LOCAL: Policy = Policy::per_second("local", 1_000_000).burst(1_000_000);
const ALLOW: Policy = Policy::per_second("allow", 1_000_000).burst(1_000_000).on_outage(OnOutage::Allow);
const DENY: Policy = Policy::per_second("deny", 1_000_000).burst(1_000_000).on_outage(OnOutage::Deny);

/// What one policy made of the outage.
struct Row {
    policy: Policy,
    adapts: bool,
    deadline_ms: f64,
    before_ms: f64,
    /// From the strike to the breaker's opening.
    until_open_ms: f64,
    opened_after_ms: f64,
    open_ms: f64,
    /// What the machine itself overslept meanwhile.
    stall_ms: f64,
    answers: BTreeMap<u16, usize>,
    back_after_ms: f64,
}

/// Stages each outage rule with each deadline; answers how many promises are missed.
pub(crate) async fn run(runtime: &Runtime) -> Result<usize> {
    eprintln!("6 runs of about 10 seconds; load average {}", machine::load_average());
    let mut rows = Vec::new();
    for policy in [LOCAL, ALLOW, DENY] {
        for policy in [policy, policy.adaptive_deadline()] {
            let row = stage(runtime, policy, rows.len() % 2 == 1).await?;
            eprintln!("[{}/6] {row}", rows.len() + 1);
            rows.push(row);
        }
    }
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{TASKS} tasks with {} ms between requests; p99 in ms of the whole request, {}\n",
        PACE.as_millis(),
        machine::description()
    )?;
    let mut missed = 0;
    for row in &rows {
        writeln!(out, "{row}")?;
        for miss in row.misses() {
            writeln!(out, "  MISSED {miss}")?;
            missed += 1;
        }
    }
    Ok(missed)
}

async fn stage(runtime: &Runtime, policy: Policy, adapts: bool) -> Result<Row> {
    let server = block_in_place(RedisServer::start);
    let proxy = Proxy::start(server.address()).await;
    let config = Config::from_url(&server.url_at(proxy.address()))?.with_prefix("outage")?;
    let store = runtime.spawn(async move { Store::connect(&config).await }).await??;
    let stalls = Stalls::watch(runtime);
    let (record, answers) = (Arc::new(Record::new()), Arc::new(Mutex::new(Vec::new())));
    let ends = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..TASKS as u64)
        .map(|caller| {
            let by = LimitBy::custom(move |_| Some(Subject::from(caller)));
            let service = RateLimitLayer::new(&store).limit(policy, by).layer(service_fn(
                async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new())),
            ));
            let (record, answers, ends) = (Arc::clone(&record), Arc::clone(&answers), Arc::clone(&ends));
            runtime.spawn(async move {
                while !ends.load(Ordering::SeqCst) {
                    let began = now();
                    let Ok(response) = service.clone().oneshot(Request::default()).await;
                    record.note(began, Mark::Done);
                    let answer = (began, response.status());
                    answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
                    sleep(PACE).await;
                }
            })
        })
        .collect();

    sleep(WARM_UP).await;
    let began = now();
    sleep(PHASE).await;
    let struck = now();
    proxy.set(Fault::BlackHole);
    proxy.stall_existing();
    let opened = reached(&store, BreakerState::Open).await?;
    sleep(PHASE).await;
    let restored = now();
    proxy.set(Fault::None);
    proxy.reset_existing();
    let back = reached(&store, BreakerState::Closed).await?;
    ends.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.await?;
    }
    let answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
    let p99 = |from, to| record.p99(from, to).map(millis).ok_or("nobody called");
    Ok(Row {
        policy,
        adapts,
        deadline_ms: millis(store.deadline()),
        before_ms: p99(began, struck)?,
        until_open_ms: p99(struck, opened)?,
        opened_after_ms: millis(opened - struck),
        open_ms: p99(opened, restored)?,
        stall_ms: stalls.between(struck, restored).p99_ms,
        answers: during(&answers, struck, restored),
        back_after_ms: millis(back - restored),
    })
}

/// Waits until the breaker is in this state; answers when that was.
async fn reached(store: &Store, state: BreakerState) -> Result<Duration> {
    let give_up = now() + PATIENCE;
    while store.status().breaker != state {
        if give_up < now() {
            return Err(format!("the breaker does not become {state:?}").into());
        }
        sleep(POLL).await;
    }
    Ok(now())
}

/// How often which status was answered to requests that began between two times.
fn during(answers: &[(Duration, StatusCode)], from: Duration, to: Duration) -> BTreeMap<u16, usize> {
    let mut count = BTreeMap::new();
    for (_, status) in answers.iter().filter(|(at, _)| (from..to).contains(at)) {
        *count.entry(status.as_u16()).or_default() += 1;
    }
    count
}

impl Row {
    fn misses(&self) -> Vec<String> {
        let mut misses = Vec::new();
        // What adapts waits for a few times what was usual, and never longer than a command.
        let adaptive = (4.0 * self.before_ms).max(25.0).min(self.deadline_ms);
        let deadline = if self.adapts { adaptive } else { self.deadline_ms };
        if self.before_ms + deadline + self.stall_ms + SLACK_MS < self.until_open_ms {
            misses.push(format!("until the breaker opens: at most {deadline:.1} ms more"));
        }
        if self.before_ms + self.stall_ms + NOTHING_MS < self.open_ms {
            misses.push("once the breaker is open: nothing more".to_owned());
        }
        let expected = if self.policy.outage_rule() == OnOutage::Deny { 503 } else { 200 };
        // Of the very first some may still have been answered by the server.
        let others: usize =
            self.answers.iter().filter(|(status, _)| **status != expected).map(|(_, count)| count).sum();
        if TASKS < others {
            misses.push(format!("answers: {expected} alone"));
        }
        misses
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deadline = if self.adapts { "adaptive" } else { "command" };
        write!(
            f,
            "{:<6} {deadline:<9} before {:.2} · until the breaker opens {:.1} (after {:.0} ms) · while it is open {:.2} · \
             machine {:.2} · answers {:?} · closed again after {:.0} ms",
            self.policy.name(),
            self.before_ms,
            self.until_open_ms,
            self.opened_after_ms,
            self.open_ms,
            self.stall_ms,
            self.answers,
            self.back_after_ms
        )
    }
}
