//! How long after an invalidation another process shows the new value.

mod process;

pub(crate) use self::process::attend;
use crate::{
    Result,
    child::Child,
    contest::{Finding, Outcome, Plan},
    judge::Unit,
    report::Report,
    server::Server,
};

/// How many invalidations one round has; the 99th of a hundred is its p99.
const INVALIDATIONS: usize = 100;

/// One who changes a value, and one who reads it all the time.
struct Pair {
    name: &'static str,
    writer: Child,
    reader: Child,
    /// The last version that was written.
    version: u64,
    /// One of each round.
    middle: Vec<f64>,
    late: Vec<f64>,
}

/// Measures from the answer to `invalidate` until a busy reader in another process is shown the new value.
///
/// So it is the way of the news and the load that they cause: a GET, for everybody here. Both processes are
/// this program's own, and read the same clock.
pub(super) fn measure(plan: &Plan, report: &mut Report) -> Result {
    let server = Server::start();
    let url = server.url();
    let ours = |part| Child::of_this_program(&["--attend", part, &url]);
    let mut pairs = vec![Pair::new("another process", ours("writer")?, ours("reader")?)];
    let bento = |part| Child::of_node("cache.mjs", &[part, &url]);
    match bento("writer").and_then(|writer| Ok((writer, bento("reader")?))) {
        Ok((writer, reader)) => pairs.push(Pair::new("another process, bentocache", writer, reader)),
        Err(reason) => eprintln!("bentocache is left out: {reason}"),
    }
    for round in 1..=plan.rounds {
        let mut line = format!("cache, hearing · round {round} of {}", plan.rounds);
        for pair in &mut pairs {
            let middle = pair.round()?;
            line += &format!(" · {} p50 {middle:.0} ns", pair.name);
        }
        eprintln!("{line}");
    }
    let finding = |name, measure, rounds: &[f64]| {
        Finding::new((name, "invalidate"), (measure, Unit::Nanoseconds), rounds, None)
    };
    let findings = pairs
        .iter()
        .flat_map(|pair| [finding(pair.name, "p50", &pair.middle), finding(pair.name, "p99", &pair.late)]);
    report.add(Outcome {
        title: "cache, from an invalidation to another process's memory".to_owned(),
        series: Vec::new(),
        findings: findings.collect(),
    });
    Ok(())
}

impl Pair {
    fn new(name: &'static str, writer: Child, reader: Child) -> Self {
        Self { name, writer, reader, version: 0, middle: Vec::new(), late: Vec::new() }
    }

    /// Some invalidations one after another; answers the middle one's time.
    fn round(&mut self) -> Result<f64> {
        let mut delays = (0..INVALIDATIONS).map(|_| self.change()).collect::<Result<Vec<f64>>>()?;
        delays.sort_by(f64::total_cmp);
        let (middle, late) = (delays[INVALIDATIONS / 2], delays[INVALIDATIONS * 99 / 100]);
        self.middle.push(middle);
        self.late.push(late);
        Ok(middle)
    }

    /// One change; answers the nanoseconds until the reader was shown it, less than none where that was sooner
    /// than the writer's answer.
    fn change(&mut self) -> Result<f64> {
        self.version += 1;
        let version = self.version.to_string();
        self.reader.tell(&version)?;
        // The value of before is in the reader's own memory, or there would be nothing to hear of.
        match self.reader.hear()?.as_str() {
            "ready" => {}
            other => return Err(format!("the reader was to be ready, and says '{other}'").into()),
        }
        let told = self.writer.ask_numbers(&version)?;
        let shown: u64 = self.reader.hear()?.parse()?;
        let told = told.first().copied().ok_or("the writer has said nothing")?;
        Ok((shown as f64 - told as f64) * 1e3)
    }
}
