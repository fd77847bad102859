//! Who the servers are, and what time it is there.

use std::collections::HashMap;

use redstart_connection::{Clock, Cmd, Effect, Memory, Operation, Outage, Redis, Result, Timestamp, Value};

use super::needs_server;

/// How often the time is asked: the quickest answer is the most exact.
const TRIES: usize = 3;

/// Asks every server that owns keys who it is.
#[derive(Clone, Debug)]
pub(crate) struct Identify {
    pub(crate) clock: Clock,
}

/// What one server says of itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Identified {
    /// The address by which walks know it.
    pub(crate) address: String,
    /// What it is, such as `Redis 7.0.15`; empty where it does not tell.
    pub(crate) server: String,
    /// Its run, which ends with the process; none where it does not tell.
    pub(crate) run: Option<String>,
    /// By how many milliseconds its clock is ahead of this machine's; none where it does not tell.
    pub(crate) ahead: Option<i64>,
    /// How many keys it has.
    pub(crate) keys: Option<u64>,
    /// When it last wrote a snapshot, in seconds since 1970; none where it does not tell, or keeps an
    /// append-only file.
    pub(crate) last_snapshot: Option<u64>,
}

impl Operation for Identify {
    type Output = Vec<Identified>;
    const NAME: &'static str = "cli.identify";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &Self::Output) -> &'static str {
        "identified"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Self::Output> {
        let infos = redis.send_to_each(Cmd::new("INFO").arg("server")).await?;
        let mut servers: Vec<_> =
            infos.into_iter().map(|(address, info)| Identified::of(address, info)).collect();
        let kept = redis.send_to_each(Cmd::new("INFO").arg("persistence")).await?;
        for (server, info) in same(&mut servers, kept) {
            server.last_snapshot = last_snapshot(info);
        }
        let sizes = redis.send_to_each(Cmd::new("DBSIZE")).await?;
        for (server, keys) in same(&mut servers, sizes) {
            server.keys = keys.and_then(Value::into_int).ok().and_then(|keys| u64::try_from(keys).ok());
        }
        let mut quickest = u64::MAX;
        for _ in 0..TRIES {
            let asked = self.clock.now();
            let times = redis.send_to_each(Cmd::new("TIME")).await?;
            let took = self.clock.now().since(asked).as_micros();
            let took = u64::try_from(took).unwrap_or(u64::MAX);
            if took < quickest {
                quickest = took;
                let here = asked.as_micros() + took / 2;
                for (server, time) in same(&mut servers, times) {
                    server.ahead = time.ok().and_then(micros).map(|there| (there - signed(here)) / 1_000);
                }
            }
        }
        Ok(servers)
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<Self::Output> {
        Err(needs_server())
    }
}

impl Identified {
    fn of(address: String, info: Result<Value>) -> Self {
        let info = info.and_then(Value::into_text).unwrap_or_default();
        let field = |name: &str| field(&info, name);
        let server = match (field("valkey_version"), field("redis_version")) {
            (Some(version), _) => format!("Valkey {version}"),
            (None, Some(version)) => format!("Redis {version}"),
            (None, None) => String::new(),
        };
        Self { address, server, run: field("run_id"), ..Self::default() }
    }
}

/// Each answer with its server: between two questions a cluster may have got other ones.
fn same(
    servers: &mut [Identified],
    answers: Vec<(String, Result<Value>)>,
) -> impl Iterator<Item = (&mut Identified, Result<Value>)> {
    let mut answers: HashMap<String, Result<Value>> = answers.into_iter().collect();
    servers.iter_mut().filter_map(move |server| {
        let answer = answers.remove(&server.address)?;
        Some((server, answer))
    })
}

/// When the last snapshot was written, where that is all that is kept.
fn last_snapshot(info: Result<Value>) -> Option<u64> {
    let info = info.and_then(Value::into_text).ok()?;
    let has_file = field(&info, "aof_enabled").is_some_and(|enabled| enabled == "1");
    field(&info, "rdb_last_save_time").filter(|_| !has_file)?.parse().ok()
}

fn field(info: &str, name: &str) -> Option<String> {
    let found = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    found.map(|text| text.trim().to_owned())
}

/// The answer to TIME in microseconds.
fn micros(time: Value) -> Option<i64> {
    let mut parts = time.into_array().ok()?.into_iter().map(Value::into_int);
    let (seconds, micros) = (parts.next()?.ok()?, parts.next()?.ok()?);
    Some(seconds * 1_000_000 + micros)
}

fn signed(micros: u64) -> i64 {
    i64::try_from(micros).unwrap_or(i64::MAX)
}
