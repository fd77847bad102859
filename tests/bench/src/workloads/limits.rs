//! Limits without a round trip, against governor, and the algorithms beside each other.

mod layer;

use std::{hint::black_box, num::NonZeroU32, sync::Arc, time::Duration};

use governor::{DefaultKeyedRateLimiter, Quota};
use redstart_connection::Store;
use redstart_ratelimit::{Leases, Limiter, Policy, Source, Subject};

use super::node::NodePeer;
use crate::{
    Result,
    contest::{Contest, Plan},
    item::Ids,
    judge::{Budget, IN_COMMANDS, SERVER, THROUGHPUT, TIME},
    load::{self, Caller, Load},
    report::Report,
    server::Server,
};

const TASKS: usize = 64;

/// Never used up, so that every check is allowed.
const WIDE: u32 = 1_000_000_000;
const MEMORY: Policy = Policy::per_second("memory", 1_000_000).burst(WIDE);
const LENT: Policy = Policy::per_second("lent", 1_000_000).burst(WIDE).lent_for(Duration::from_millis(500));
/// Used up by the first call for the whole run.
const USED_UP: Policy = Policy::per_hour("used-up", 1);

const LOG: Policy = Policy::per_second("log", 100);
const COUNTER: Policy = Policy::per_second("counter", 1_000);
const BURST: Policy = Policy::per_second("burst", 100).burst(100);
const FIXED: Policy = Policy::per_second("fixed", 100).fixed_window();
const BUCKET: Policy = Policy::per_second("bucket", 100).bucket(100);

/// Measures refusals from the deny cache, leased and embedded checks, and all algorithms for information.
pub(crate) fn measure(plan: &Plan, report: &mut Report) -> Result {
    let runtime = load::runtime()?;
    let server = Server::start();
    let limiter = Limiter::new(server.store(&runtime)?);
    let asking = limiter.clone().without_deny_cache();
    let alone = (&runtime, Load::threads(1));

    let mut refused = Contest::new("limits, refused again".to_owned());
    let asked = refused.enter("asking the server", alone, |_| Refused(asking.clone()));
    let repeated = refused.enter("deny cache", alone, |_| Refused(limiter.clone()));
    let mut outcome = refused.run(plan)?;
    outcome.compare(repeated, asked, THROUGHPUT, Some(Budget::AtLeast(50.0)));
    report.add(outcome);

    let quota = Quota::per_second(NonZeroU32::MAX).allow_burst(NonZeroU32::MAX);
    let governor = Arc::new(DefaultKeyedRateLimiter::<u64>::keyed(quota));
    let memory = Limiter::new(Store::memory());
    let leases = Leases::new(&limiter);
    let mut local = Contest::new("limits, in the process".to_owned());
    let floor = local.enter("governor, keyed", alone, |_| Keyed(Arc::clone(&governor)));
    let embedded =
        local.enter("embedded store", alone, |_| Checked { limiter: memory.clone(), policy: &MEMORY });
    let leased = local.enter("leased", alone, |_| Leased(leases.clone()));
    let mut outcome = local.run(plan)?;
    outcome.compare(embedded, floor, TIME, Some(Budget::AtMost(3.0)));
    outcome.compare(leased, floor, TIME, Some(Budget::AtMost(3.0)));
    report.add(outcome);

    let many = (&runtime, Load::tasks(TASKS));
    // What it counts by is a fixed window too.
    let flexible = NodePeer::start("flexible.mjs", &server.url(), TASKS, FIXED.limit().into())
        .inspect_err(|reason| eprintln!("rate-limiter-flexible is left out: {reason}"))
        .ok();
    let mut kinds = Contest::new(format!("limits, algorithms, {TASKS} tasks")).watch(&server, &["evalsha"]);
    let entry = |policy: &'static Policy| {
        let limiter = limiter.clone();
        move |caller| Spread { limiter: limiter.clone(), policies: vec![policy], ids: Ids::uniform(caller) }
    };
    let gcra = kinds.enter("GCRA", many, entry(&BURST));
    let others = [
        kinds.enter("exact log", many, entry(&LOG)),
        kinds.enter("counter", many, entry(&COUNTER)),
        kinds.enter("fixed window", many, entry(&FIXED)),
        kinds.enter("token bucket", many, entry(&BUCKET)),
        kinds.enter("two at once", many, |caller| Spread {
            limiter: limiter.clone(),
            policies: vec![&BURST, &LOG],
            ids: Ids::uniform(caller),
        }),
    ];
    let flexible =
        flexible.as_ref().map(|peer| kinds.enter_process("rate-limiter-flexible", |slice| peer.run(slice)));
    let mut outcome = kinds.run(plan)?;
    if let (Some(peer), [_, _, fixed, ..]) = (flexible, others) {
        outcome.compare(fixed, peer, THROUGHPUT, None);
        outcome.compare(fixed, peer, SERVER, None);
    }
    for other in others {
        outcome.compare(other, gcra, THROUGHPUT, None);
        outcome.compare(other, gcra, SERVER, None);
        outcome.compare(other, gcra, IN_COMMANDS, None);
    }
    report.add(outcome);
    layer::measure(plan, report, &runtime)
}

struct Refused(Limiter);

impl Caller for Refused {
    async fn call(&mut self) -> bool {
        // The first one is allowed, and uses it up.
        black_box(self.0.check(&USED_UP, 1).await);
        true
    }
}

struct Keyed(Arc<DefaultKeyedRateLimiter<u64>>);

impl Caller for Keyed {
    async fn call(&mut self) -> bool {
        black_box(self.0.check_key(black_box(&42))).is_ok()
    }
}

struct Checked {
    limiter: Limiter,
    policy: &'static Policy,
}

impl Caller for Checked {
    async fn call(&mut self) -> bool {
        black_box(self.limiter.check(self.policy, black_box(42)).await).is_allowed()
    }
}

struct Leased(Leases);

impl Caller for Leased {
    async fn call(&mut self) -> bool {
        black_box(self.0.check(&LENT, black_box(42)).await).is_allowed()
    }
}

struct Spread {
    limiter: Limiter,
    policies: Vec<&'static Policy>,
    ids: Ids,
}

impl Caller for Spread {
    async fn call(&mut self) -> bool {
        let id = self.ids.next();
        let decision = match self.policies.as_slice() {
            [policy] => self.limiter.check(policy, id).await,
            several => {
                let limits: Vec<_> = several.iter().map(|policy| (*policy, Subject::from(id))).collect();
                self.limiter.check_all(&limits).await
            }
        };
        decision.is_allowed() && decision.source() == Source::Redis
    }
}
