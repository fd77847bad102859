use std::time::Duration;

use redstart_connection::{Cmd, Effect, Error, Memory, Operation, Outage, Redis, Result, Timestamp};
use redstart_keys::Key;

use super::{GivenUp, Holder, Keys, Token, expires_in, waiters::Waiters};

/// Tells whether a lock is held, by whom and for how long, and how many wait for it.
#[derive(Clone, Debug)]
pub struct Inspect(Keys);

/// How a lock stands.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Holding {
    /// Nobody holds it.
    Free,
    /// Somebody holds it.
    Held {
        /// Who.
        holder: Token,
        /// Until the lease ends, if nobody prolongs it; none if it never does.
        expires_in: Option<Duration>,
        /// How many processes wait for it.
        waiting: usize,
    },
}

impl Inspect {
    /// Looks at `lock`.
    #[must_use]
    pub fn new(lock: &Key) -> Self {
        Self(Keys::of(lock))
    }
}

impl Operation for Inspect {
    type Output = Holding;
    const NAME: &'static str = "lock.inspect";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Holding) -> &'static str {
        match output {
            Holding::Free => "free",
            Holding::Held { .. } => "held",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Holding> {
        let (lock, given_up, queue) = (&self.0.lock, self.0.given_up(), self.0.queue());
        let get = |key| Cmd::new("GET").key(key);
        let (millis, waiting) = (Cmd::new("PTTL").key(lock), Cmd::new("ZCARD").key(&queue));
        let answers = redis.pipeline(vec![get(lock), millis, waiting, get(&given_up)]).await?;
        let [holder, millis, waiting, given_up] =
            <[_; 4]>::try_from(answers).map_err(|_| Error::protocol("expected four answers"))?;
        if holder.is_nil() {
            return Ok(Holding::Free);
        }
        let holder = Token::of_holder(&holder.into_text()?);
        if !given_up.is_nil() && given_up.into_text()?.lines().any(|token| token == holder.as_str()) {
            return Ok(Holding::Free);
        }
        let waiting = usize::try_from(waiting.into_int()?).unwrap_or_default();
        Ok(match millis.into_int()? {
            -2 => Holding::Free,
            millis => Holding::Held { holder, expires_in: expires_in(millis), waiting },
        })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Holding> {
        let (lock, given_up, queue) = (&self.0.lock, self.0.given_up(), self.0.queue());
        Ok(memory.with(&[lock, &given_up, &queue], now, |tx| {
            let Some(holder) = tx.get::<Holder>(lock) else { return Holding::Free };
            if GivenUp::has(tx, &given_up, &holder.token) {
                return Holding::Free;
            }
            let expires_in = tx.expires_at(lock).map(|at| at.since(now));
            let waiting = Waiters::new(tx, &queue).count();
            Holding::Held { holder: holder.token.clone(), expires_in, waiting }
        }))
    }
}
