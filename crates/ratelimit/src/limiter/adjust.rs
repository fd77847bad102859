//! Changing what was counted: refunds, penalties, blocks, a fresh start.

use std::time::Duration;

use redstart_connection::Result;

use super::Limiter;
use crate::{Decision, Policy, Source, Subject};

impl Limiter {
    /// Takes back what the call of `decision` was charged; nothing if it was refused.
    ///
    /// What has come back by itself since is not given twice, so that no refund lets more pass than the
    /// limit. Take back each decision once.
    ///
    /// ```
    /// use redstart_connection::Store;
    /// use redstart_ratelimit::{Limiter, Policy};
    ///
    /// const EXPORT: Policy = Policy::per_hour("export", 2);
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), redstart_connection::Error> {
    /// let limiter = Limiter::new(Store::memory());
    /// let decision = limiter.check(&EXPORT, "ada").await;
    /// limiter.refund(&EXPORT, "ada", &decision).await?;
    /// assert_eq!(limiter.peek(&EXPORT, "ada").await.remaining(), 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer; then it may have been taken back or not.
    pub async fn refund(
        &self,
        policy: &Policy,
        subject: impl Into<Subject>,
        decision: &Decision,
    ) -> Result<()> {
        self.refund_all(&[(policy, subject.into())], decision).await
    }

    /// Takes back what a [`Limiter::check_all`] of these limits was charged.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer; then some may have been taken back.
    pub async fn refund_all(&self, limits: &[(&Policy, Subject)], decision: &Decision) -> Result<()> {
        for (policy, subject) in limits {
            self.standby.forget(policy, subject);
        }
        match decision.source() {
            Source::Standby => self.standby.refund(limits, decision).await,
            Source::Redis | Source::Memory => {
                let charged = limits.iter().zip(decision.limits());
                self.counter
                    .refund(charged.map(|((policy, subject), state)| (**policy, subject, *state)))
                    .await
            }
            // Nobody was charged, or somebody who shares it with all others, or a lease that ends by itself.
            Source::DenyCache | Source::Lease | Source::Overflow | Source::Unavailable | Source::Policy => {
                Ok(())
            }
        }
    }

    /// Charges `cost` to somebody who has done wrong, or as much of it as is left; answers what is left.
    ///
    /// A penalty never reaches beyond what the limit gives at once; for longer there is [`Limiter::block`].
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer; then it may have been charged.
    pub async fn penalize(
        &self,
        policy: &Policy,
        subject: impl Into<Subject>,
        cost: u32,
    ) -> Result<Decision> {
        self.counter.take_some(policy, &subject.into(), cost).await
    }

    /// Refuses everything of `subject` for this long, whatever is left; a block that lasts longer stays.
    ///
    /// What was counted stays counted. [`Limiter::reset`] ends a block as well. Tokens that processes
    /// have [taken in advance](crate::Leases) may still be spent.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer; then it may be blocked.
    pub async fn block(&self, policy: &Policy, subject: impl Into<Subject>, length: Duration) -> Result<()> {
        self.counter.block(policy, &subject.into(), length).await
    }

    /// Forgets what was counted for `subject`, and unblocks it.
    ///
    /// Other processes see it within a second, see [`Source::DenyCache`].
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn reset(&self, policy: &Policy, subject: impl Into<Subject>) -> Result<()> {
        let subject = subject.into();
        self.standby.reset(policy, &subject).await;
        let result = self.counter.reset(policy, &subject).await;
        // A call that was on its way may have noted a refusal of before.
        self.standby.forget(policy, &subject);
        result
    }
}
