use redstart_connection::{Cmd, Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::Key;

use super::Subject;
use crate::{Digest, secret::unique};

static VERIFY: Script = Script::new("code.verify", include_str!("verify.lua"));

/// Compares a guess with the code of a subject: attempts, comparison and end of the code are one step.
#[derive(Clone, Debug)]
pub struct VerifyCode {
    key: Key,
    verifier: String,
    guess: Digest,
}

/// What came of a guess.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle each; there is no fifth answer")]
pub enum Verdict {
    /// It was right; the code is used up.
    Verified,
    /// It was wrong.
    Wrong {
        /// How many attempts are left.
        left: u32,
    },
    /// No attempts are left: another code must be issued.
    Locked,
    /// There is no code: none was issued, it has ended, or it is used up.
    Expired,
}

impl VerifyCode {
    /// Compares the digest of a guess.
    #[must_use]
    pub fn new(key: Key, guess: Digest) -> Self {
        Self { key, verifier: unique(), guess }
    }
}

impl Operation for VerifyCode {
    type Output = Verdict;
    const NAME: &'static str = "code.verify";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Verdict) -> &'static str {
        match output {
            Verdict::Verified => "verified",
            Verdict::Wrong { .. } => "wrong",
            Verdict::Locked => "locked",
            Verdict::Expired => "expired",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Verdict> {
        let call = redis.script(&VERIFY).key(&self.key).arg(&self.verifier).arg(self.guess.as_str());
        match call.invoke().await?.into_int()? {
            -1 => Ok(Verdict::Verified),
            -2 => Ok(Verdict::Locked),
            -3 => Ok(Verdict::Expired),
            left => {
                let left = u32::try_from(left).map_err(|_| Error::protocol("expected attempts left"))?;
                Ok(Verdict::Wrong { left })
            }
        }
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Verdict> {
        memory.with(&[&self.key], now, |tx| {
            let subject = tx.get::<Subject>(&self.key).filter(|subject| now < subject.ends);
            let Some(mut subject) = subject.map(|subject| (*subject).clone()) else {
                return Ok(Verdict::Expired);
            };
            if let Some(answer) = subject.answer.filter(|_| subject.by == self.verifier) {
                return Ok(answer);
            }
            if subject.left == 0 {
                return Ok(Verdict::Locked);
            }
            let Some(code) = subject.code else { return Ok(Verdict::Expired) };
            // Digests compare in constant time.
            let verdict = if code == self.guess {
                subject.code = None;
                Verdict::Verified
            } else {
                subject.left -= 1;
                subject.code = subject.code.filter(|_| subject.left > 0);
                Verdict::Wrong { left: subject.left }
            };
            (subject.by, subject.answer) = (self.verifier.clone(), Some(verdict));
            let ends = tx.expires_at(&self.key).unwrap_or(subject.ends);
            tx.put(&self.key, subject, ends)?;
            Ok(verdict)
        })
    }
}

/// Voids the code of a subject, with all that is counted of it; answers whether there was anything.
#[derive(Clone, Debug)]
pub struct VoidCode(Key);

impl VoidCode {
    /// Voids what is kept under `key`.
    #[must_use]
    pub const fn new(key: Key) -> Self {
        Self(key)
    }
}

impl Operation for VoidCode {
    type Output = bool;
    const NAME: &'static str = "code.void";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(was_there: &bool) -> &'static str {
        if *was_there { "voided" } else { "none" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<bool> {
        Ok(redis.send(Cmd::new("UNLINK").key(&self.0)).await?.into_int()? == 1)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<bool> {
        Ok(memory.with(&[&self.0], now, |tx| tx.remove(&self.0)))
    }
}
