use std::time::Duration;

use redstart_connection::{Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::Key;

use super::{CodeRule, Subject};
use crate::{Digest, secret::unique};

static ISSUE: Script = Script::new("code.issue", include_str!("issue.lua"));

/// Issues a code in the place of an earlier one, unless that was done too often or a moment ago.
#[derive(Clone, Debug)]
pub struct IssueCode {
    key: Key,
    issuer: String,
    digest: Digest,
    rule: CodeRule,
}

/// Whether a code was issued.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Issued {
    /// It is, and an earlier one is void.
    Issued,
    /// Not yet: what was issued before stands.
    Wait {
        /// How long until another may be issued.
        retry_after: Duration,
    },
}

impl IssueCode {
    /// Issues the code of this digest.
    #[must_use]
    pub fn new(key: Key, digest: Digest, rule: CodeRule) -> Self {
        Self { key, issuer: unique(), digest, rule }
    }
}

impl Operation for IssueCode {
    type Output = Issued;
    const NAME: &'static str = "code.issue";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Issued) -> &'static str {
        match output {
            Issued::Issued => "issued",
            Issued::Wait { .. } => "wait",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Issued> {
        let CodeRule { ttl, attempts, pause, window, most } = self.rule;
        let call = redis.script(&ISSUE).key(&self.key).arg(&self.issuer).arg(self.digest.as_str());
        let call = call.arg(ttl.as_millis()).arg(attempts).arg(pause.as_millis()).arg(window.as_millis());
        let wait = call.arg(most).invoke().await?.into_int()?;
        let wait = u64::try_from(wait).map_err(|_| Error::protocol("expected how long to wait"))?;
        Ok(if wait == 0 { Issued::Issued } else { Issued::Wait { retry_after: Duration::from_micros(wait) } })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Issued> {
        let CodeRule { ttl, attempts, pause, window, most } = self.rule;
        let after = |at: Timestamp, by: redstart_keys::Ttl| at.saturating_add(by.as_duration());
        memory.with(&[&self.key], now, |tx| {
            let before = tx.get::<Subject>(&self.key);
            if before.as_ref().is_some_and(|before| before.by == self.issuer) {
                return Ok(Issued::Issued);
            }
            let (mut sent, mut since) =
                before.as_ref().map_or((0, now), |before| (before.sent, before.since));
            if after(since, window) <= now {
                (sent, since) = (0, now);
            }
            let may_again = before.map(|before| after(before.last, pause));
            if let Some(may_again) = may_again.filter(|may_again| now < *may_again) {
                return Ok(Issued::Wait { retry_after: may_again.since(now) });
            }
            if most <= sent {
                return Ok(Issued::Wait { retry_after: after(since, window).since(now) });
            }
            let ends = after(now, ttl);
            let subject = Subject {
                code: Some(self.digest),
                left: attempts,
                ends,
                sent: sent + 1,
                since,
                last: now,
                by: self.issuer.clone(),
                answer: None,
            };
            let keep = ends.max(after(since, window)).max(after(now, pause));
            tx.put(&self.key, subject, keep)?;
            Ok(Issued::Issued)
        })
    }
}
