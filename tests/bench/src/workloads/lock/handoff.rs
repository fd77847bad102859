//! Hand-offs: as many as can be in a second between those who all want the same lock.

use redis::aio::MultiplexedConnection;
use redstart_keys::Ttl;
use redstart_lock::{LockRequest, Locks};

use super::{LEASE, LOCK};
use crate::{
    Result,
    contest::{Contest, Plan},
    judge::{Budget, THROUGHPUT},
    load::{self, Caller, Load},
    report::Report,
    server::{PREFIX, Server},
};

/// The list that holds the floor's one token.
fn token() -> String {
    format!("{PREFIX}:token")
}

/// Measures against a token in a list, one connection for each who waits for it.
pub(super) fn measure(plan: &Plan, report: &mut Report, waiters: usize) -> Result {
    let runtime = load::runtime()?;
    let server = Server::start();
    server.control().command(&["RPUSH", &token(), "token"]);
    let connections: Vec<_> = (0..waiters).map(|_| server.redis_rs(&runtime)).collect::<Result<_>>()?;
    let one = Locks::new(server.store(&runtime)?);
    let each: Vec<Locks> =
        (0..waiters).map(|_| server.store(&runtime).map(Locks::new)).collect::<Result<_>>()?;

    let load = (&runtime, Load::tasks(waiters));
    let title = format!("hand-off, {waiters} waiters");
    let mut contest = Contest::new(title).watch(&server, &["evalsha", "blpop", "rpush"]);
    let floor = contest.enter("BLPOP token", load, |caller| Token(connections[caller].clone()));
    let within = contest.enter("in one process", load, |_| Ours(request(&one, 1)));
    let across = contest.enter("each its own process", load, |caller| Ours(request(&each[caller], 2)));
    let fair =
        contest.enter("each its own process, fair", load, |caller| Ours(request(&each[caller], 3).fair()));

    let mut outcome = contest.run(plan)?;
    // A mean of twice the floor's is half its throughput.
    outcome.compare(within, floor, THROUGHPUT, Some(Budget::AtLeast(0.5)));
    outcome.compare(across, floor, THROUGHPUT, Some(Budget::AtLeast(0.5)));
    outcome.compare(fair, floor, THROUGHPUT, None);
    report.add(outcome);
    Ok(())
}

fn request(locks: &Locks, id: u64) -> LockRequest {
    locks.lock(&LOCK.key(&id)).ttl(Ttl::new(LEASE).unwrap_or(Ttl::seconds(30))).wait(LEASE)
}

struct Token(MultiplexedConnection);

impl Caller for Token {
    async fn call(&mut self) -> bool {
        let taken: redis::RedisResult<(String, String)> =
            redis::cmd("BLPOP").arg(token()).arg(0).query_async(&mut self.0).await;
        let given: redis::RedisResult<usize> =
            redis::cmd("RPUSH").arg(token()).arg("token").query_async(&mut self.0).await;
        taken.is_ok() && given.is_ok()
    }
}

struct Ours(LockRequest);

impl Caller for Ours {
    async fn call(&mut self) -> bool {
        match self.0.acquire().await {
            Ok(guard) => guard.release().await.is_ok(),
            Err(_) => false,
        }
    }
}
