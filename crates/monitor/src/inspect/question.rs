//! A question to the server: one command, and how its answer is read.

use redstart_connection::{Cmd, Effect, Memory, Operation, Outage, Redis, Result, Timestamp, Value};

use crate::Told;

/// A question that a server answers with one command, without changing anything.
pub trait Question: Send + Sync {
    /// What comes of it.
    type Answer: Send;
    /// Names the operation in metrics and errors.
    const NAME: &'static str;

    /// The command.
    fn cmd(&self) -> Cmd;

    /// Reads what the server said.
    ///
    /// # Errors
    ///
    /// Fails when that is not of the expected form.
    fn read(&self, answer: Value) -> Result<Self::Answer>;
}

/// Asks a server a [`Question`], which it may refuse; the embedded store has no answer.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it is a question and nothing else")]
pub struct Ask<Q>(pub Q);

impl<Q: Question> Operation for Ask<Q> {
    type Output = Told<Q::Answer>;
    const NAME: &'static str = Q::NAME;

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(told: &Told<Q::Answer>) -> &'static str {
        if told.known().is_some() { "told" } else { "refused" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Told<Q::Answer>> {
        match redis.send(self.0.cmd()).await.and_then(|answer| self.0.read(answer)) {
            Err(error) if !Told::<()>::is_refusal(error.kind()) => Err(error),
            told => Ok(Told::of(told)),
        }
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<Told<Q::Answer>> {
        Ok(Told::NotOffered)
    }
}

/// The pairs of an answer that is a map, or a list of keys and values in turn.
pub(super) fn pairs(answer: Value) -> Result<Vec<(String, Value)>> {
    let mut elements = answer.into_array()?.into_iter();
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (elements.next(), elements.next()) {
        pairs.push((lossy(name), value));
    }
    Ok(pairs)
}

/// The text of an answer, whatever bytes are in it.
pub(crate) fn lossy(value: Value) -> String {
    value.into_bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// A number that an older protocol sends as text; zero for what is none.
pub(super) fn decimal(value: Value) -> f64 {
    match value {
        Value::Double(number) => number,
        other => lossy_number(other).parse().unwrap_or_default(),
    }
}

fn lossy_number(value: Value) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        other => lossy(other),
    }
}
