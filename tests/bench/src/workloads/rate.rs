//! A rate check that is allowed, against the leanest script that could do it.

use redis::aio::MultiplexedConnection;
use redstart_ratelimit::{Limiter, Policy, Source};

use crate::{
    Result,
    contest::{Contest, Plan},
    item::Ids,
    judge::{Budget, IN_COMMANDS, SERVER, THROUGHPUT},
    load::{self, Caller, Load},
    report::Report,
    server::{PREFIX, Server},
};

const TASKS: usize = 64;

/// One hundred a second for each subject, of whom there are ten thousand: every check is allowed.
const BURST: Policy = Policy::per_second("burst", 100).burst(100);
const LOG: Policy = Policy::per_second("log", 100);

/// The same limit for the script, in microseconds, and the milliseconds that its key lives.
const INTERVAL: u64 = 10_000;
const SPAN: u64 = 1_000_000;
const LIFE: u64 = 1_000;

/// As lean as the limit can be written: the server's clock, one read, one write, one integer.
const LEAN: &str = include_str!("rate/lean.lua");

/// Measures allowed checks of GCRA, and of the exact log for information.
pub(crate) fn measure(plan: &Plan, report: &mut Report) -> Result {
    let runtime = load::runtime()?;
    let server = Server::start();
    let connection = server.redis_rs(&runtime)?;
    let digest = server.control().command(&["SCRIPT", "LOAD", LEAN]).text();
    let limiter = Limiter::new(server.store(&runtime)?);

    let load = (&runtime, Load::tasks(TASKS));
    let mut contest = Contest::new(format!("rate, {TASKS} tasks")).watch(&server, &["evalsha"]);
    let lean = contest.enter("lean script", load, |caller| Lean::new(&connection, &digest, caller));
    let gcra = contest.enter("check, GCRA", load, |caller| Check::new(&limiter, &BURST, caller));
    let log = contest.enter("check, exact log", load, |caller| Check::new(&limiter, &LOG, caller));

    let mut outcome = contest.run(plan)?;
    outcome.compare(gcra, lean, THROUGHPUT, Some(Budget::AtLeast(0.9)));
    outcome.compare(gcra, lean, SERVER, Some(Budget::AtMost(1.1)));
    outcome.compare(gcra, lean, IN_COMMANDS, Some(Budget::AtMost(1.1)));
    outcome.compare(log, lean, THROUGHPUT, None);
    outcome.compare(log, lean, SERVER, None);
    report.add(outcome);
    Ok(())
}

struct Lean {
    connection: MultiplexedConnection,
    digest: String,
    ids: Ids,
}

impl Lean {
    fn new(connection: &MultiplexedConnection, digest: &str, caller: usize) -> Self {
        Self { connection: connection.clone(), digest: digest.to_owned(), ids: Ids::uniform(caller) }
    }
}

impl Caller for Lean {
    async fn call(&mut self) -> bool {
        let name = format!("{PREFIX}:lean:{{{}}}", self.ids.next());
        let mut check = redis::cmd("EVALSHA");
        check.arg(&self.digest).arg(1).arg(name).arg(INTERVAL).arg(SPAN).arg(LIFE);
        let answer = check.query_async::<i64>(&mut self.connection).await;
        answer.is_ok_and(|used| 0 <= used)
    }
}

struct Check {
    limiter: Limiter,
    policy: &'static Policy,
    ids: Ids,
}

impl Check {
    fn new(limiter: &Limiter, policy: &'static Policy, caller: usize) -> Self {
        Self { limiter: limiter.clone(), policy, ids: Ids::uniform(caller) }
    }
}

impl Caller for Check {
    async fn call(&mut self) -> bool {
        let decision = self.limiter.check(self.policy, self.ids.next()).await;
        decision.is_allowed() && decision.source() == Source::Redis
    }
}
