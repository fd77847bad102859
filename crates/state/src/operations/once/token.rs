use std::time::Duration;

use bytes::Bytes;
use redstart_connection::{Cmd, Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use crate::{Digest, secret::unique};

static ISSUE: Script = Script::new("token.issue", include_str!("issue.lua"));
static REDEEM: Script = Script::new("token.redeem", include_str!("redeem.lua"));

/// How long a redemption is remembered, for one whose answer was lost.
const REMEMBERED: Ttl = Ttl::seconds(60);

/// What the embedded store keeps of a token.
struct Token {
    digest: Digest,
    value: Bytes,
    taker: Option<String>,
}

/// Issues a token in the place of an earlier one under the same key.
#[derive(Clone, Debug)]
pub struct IssueToken {
    key: Key,
    digest: Digest,
    value: Bytes,
    ttl: Ttl,
}

impl IssueToken {
    /// Keeps `value` for whoever shows the token of this digest.
    #[must_use]
    pub const fn new(key: Key, digest: Digest, value: Bytes, ttl: Ttl) -> Self {
        Self { key, digest, value, ttl }
    }
}

impl Operation for IssueToken {
    type Output = ();
    const NAME: &'static str = "token.issue";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome((): &()) -> &'static str {
        "issued"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<()> {
        let call = redis.script(&ISSUE).key(&self.key).arg(self.digest.as_str()).arg(&self.value);
        call.arg(self.ttl.as_millis()).invoke().await.map(drop)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<()> {
        memory.with(&[&self.key], now, |tx| {
            let token = Token { digest: self.digest, value: self.value.clone(), taker: None };
            tx.put(&self.key, token, now.saturating_add(self.ttl.as_duration()))
        })
    }
}

/// Redeems a token, once; answers its value, none if it is none, or is redeemed.
#[derive(Clone, Debug)]
pub struct RedeemToken {
    key: Key,
    digest: Digest,
    taker: String,
}

impl RedeemToken {
    /// Redeems the token of this digest.
    #[must_use]
    pub fn new(key: Key, digest: Digest) -> Self {
        Self { key, digest, taker: unique() }
    }
}

impl Operation for RedeemToken {
    type Output = Option<Bytes>;
    const NAME: &'static str = "token.redeem";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Option<Bytes>) -> &'static str {
        if output.is_some() { "redeemed" } else { "refused" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Option<Bytes>> {
        let call = redis.script(&REDEEM).key(&self.key).arg(self.digest.as_str()).arg(&self.taker);
        call.arg(REMEMBERED.as_millis()).invoke().await?.into_optional_bytes()
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Option<Bytes>> {
        memory.with(&[&self.key], now, |tx| {
            let Some(token) = tx.get::<Token>(&self.key) else { return Ok(None) };
            if token.digest != self.digest {
                return Ok(None);
            }
            if let Some(taker) = &token.taker {
                return Ok((*taker == self.taker).then(|| token.value.clone()));
            }
            let left = tx.expires_at(&self.key).map(|at| at.since(now)).unwrap_or_default();
            let remembered: Duration = left.min(REMEMBERED.as_duration());
            let taken = Token { taker: Some(self.taker.clone()), value: token.value.clone(), ..*token };
            tx.put(&self.key, taken, now.saturating_add(remembered))?;
            Ok(Some(token.value.clone()))
        })
    }
}

/// Voids whatever token is kept under a key; answers whether there was one that could be redeemed.
#[derive(Clone, Debug)]
pub struct RevokeToken(Key);

impl RevokeToken {
    /// Voids the token under `key`.
    #[must_use]
    pub const fn new(key: Key) -> Self {
        Self(key)
    }
}

impl Operation for RevokeToken {
    type Output = bool;
    const NAME: &'static str = "token.revoke";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(was_there: &bool) -> &'static str {
        if *was_there { "revoked" } else { "none" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<bool> {
        Ok(redis.send(Cmd::new("UNLINK").key(&self.0)).await?.into_int()? == 1)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<bool> {
        Ok(memory.with(&[&self.0], now, |tx| tx.remove(&self.0)))
    }
}
