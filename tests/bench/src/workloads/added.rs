//! The nanoseconds that the door adds to a step which answers at once.

use std::hint::black_box;

use redstart_connection::{
    Effect, Memory, Operation, Outage, Redis, Result as StoreResult, Store, Timestamp,
};
use redstart_monitor::{Exposition, Monitor};

use crate::{
    Result,
    contest::{Contest, Plan},
    judge::{ADDED, Budget},
    load::{self, Caller, Load},
    report::Report,
    server::Server,
};

const BUDGET: Budget = Budget::AtMost(300.0);

/// Measures one thread, and two for what they share.
pub(crate) fn measure(plan: &Plan, report: &mut Report) -> Result {
    measure_as("added", plan, report)
}

/// The same where everything is recorded for Prometheus, as in a service with `/metrics`.
pub(crate) fn measure_observed(plan: &Plan, report: &mut Report) -> Result {
    let _exposition = Exposition::install(&Monitor::new(Store::memory()))?;
    measure_as("observed", plan, report)
}

fn measure_as(name: &str, plan: &Plan, report: &mut Report) -> Result {
    let runtime = load::runtime()?;
    let server = Server::start();
    let (memory, redis) = (Store::memory(), server.store(&runtime)?);

    // The promise is for a call; what two threads cost each other is shown beside it.
    for (threads, budget) in [(1, Some(BUDGET)), (2, None)] {
        let load = (&runtime, Load::threads(threads));
        let mut contest = Contest::new(format!("{name}, threads: {threads}"));
        let floor = contest.enter("body alone", load, |_| Alone);
        let on_memory = contest.enter("run, embedded store", load, |_| Door(memory.clone()));
        let on_redis = contest.enter("run, Redis, nothing sent", load, |_| Door(redis.clone()));

        let mut outcome = contest.run(plan)?;
        for entrant in [on_memory, on_redis] {
            outcome.compare(entrant, floor, ADDED, budget);
        }
        report.add(outcome);
    }
    Ok(())
}

/// A step that answers at once, wherever it is carried out.
struct Answer(u64);

impl Answer {
    fn body(&self) -> StoreResult<u64> {
        Ok(black_box(self.0))
    }
}

impl Operation for Answer {
    type Output = u64;
    const NAME: &'static str = "bench.answer";

    fn effect(&self) -> Effect {
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &u64) -> &'static str {
        "answered"
    }

    async fn on_redis(&self, _: &Redis) -> StoreResult<u64> {
        self.body()
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> StoreResult<u64> {
        self.body()
    }
}

struct Alone;

impl Caller for Alone {
    async fn call(&mut self) -> bool {
        black_box(Answer(black_box(7)).body()).is_ok()
    }
}

struct Door(Store);

impl Caller for Door {
    async fn call(&mut self) -> bool {
        black_box(self.0.run(&Answer(black_box(7))).await).is_ok()
    }
}
