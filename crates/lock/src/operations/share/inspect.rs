use redstart_connection::{Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::Key;

use super::{Shares, Token};

static INSPECT: Script =
    Script::new("lock.inspect_shares", concat!(include_str!("../clock.lua"), include_str!("inspect.lua")));

/// Tells who holds shares of a lock.
#[derive(Clone, Debug)]
pub struct InspectShares(Key);

impl InspectShares {
    /// Looks at `lock`.
    #[must_use]
    pub fn new(lock: &Key) -> Self {
        Self(lock.clone())
    }
}

impl Operation for InspectShares {
    /// The holders, those first whose lease ends first.
    type Output = Vec<Token>;
    const NAME: &'static str = "lock.inspect_shares";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Vec<Token>) -> &'static str {
        if output.is_empty() { "free" } else { "held" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Vec<Token>> {
        let members = redis.script(&INSPECT).key(&self.0).invoke().await?.into_array()?;
        let token = |member: redstart_connection::Value| {
            let member = member.into_text()?;
            let (_, token) = member
                .split_once(' ')
                .ok_or_else(|| Error::protocol("expected kind and token of a share"))?;
            Ok(Token::new(token))
        };
        members.into_iter().map(token).collect()
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Vec<Token>> {
        memory.with(&[&self.0], now, |tx| {
            let mut held = Shares::of(tx, &self.0).0;
            held.sort_by(|a, b| {
                (a.ends, a.letter, a.token.as_str()).cmp(&(b.ends, b.letter, b.token.as_str()))
            });
            Ok(held.into_iter().map(|held| held.token).collect())
        })
    }
}
