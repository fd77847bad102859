use redstart_connection::{Cmd, Effect, Memory, Operation, Outage, Redis, Result, Timestamp};

/// Tells whether the store may throw locks out for want of memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keeps(());

/// What a store does when its memory is full.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Keeping {
    /// It refuses new entries, and keeps those it has.
    All,
    /// It throws entries out: locks among them.
    Evicts {
        /// By which `maxmemory-policy`.
        policy: String,
    },
    /// It does not tell.
    Unknown,
}

impl Operation for Keeps {
    type Output = Keeping;
    const NAME: &'static str = "lock.keeps";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Keeping) -> &'static str {
        match output {
            Keeping::All => "all",
            Keeping::Evicts { .. } => "evicts",
            Keeping::Unknown => "unknown",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Keeping> {
        let info = redis.send(Cmd::new("INFO").arg("memory")).await?.into_text()?;
        let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        Ok(match (field("maxmemory").map(str::trim), field("maxmemory_policy").map(str::trim)) {
            // Without a bound nothing is thrown out, whatever the policy.
            (Some("0"), _) | (_, Some("noeviction")) => Keeping::All,
            (Some(_), Some(policy)) => Keeping::Evicts { policy: policy.to_owned() },
            _ => Keeping::Unknown,
        })
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<Keeping> {
        Ok(Keeping::All)
    }
}
