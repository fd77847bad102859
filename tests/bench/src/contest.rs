//! Contests: contestants in turn, slice by slice, round by round.

use std::time::Duration;

use tokio::runtime::Runtime;

use crate::{
    Result,
    judge::{Budget, Measure, Unit, Verdict},
    load::{Caller, Count, Load, Slice},
    report::{per_second, time},
    server::Server,
    statistics::Summary,
    usage::Usage,
};

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) rounds: u32,
    pub(crate) slice: Slice,
}

/// Contestants who do the same work in the same run.
pub(crate) struct Contest<'a> {
    title: String,
    entries: Vec<Entry<'a>>,
    server: Option<(&'a Server, &'a [&'a str])>,
}

/// A contestant's place in its contest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entrant(usize);

struct Entry<'a> {
    name: &'static str,
    run: Box<dyn Fn(Slice) -> Result<Count> + 'a>,
}

/// What one contestant did in one round.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) count: Count,
    pub(crate) usage: Usage,
}

/// What came of a contest.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) title: String,
    pub(crate) series: Vec<Series>,
    pub(crate) findings: Vec<Finding>,
}

/// The rounds of one contestant.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) name: &'static str,
    samples: Vec<Sample>,
}

/// One comparison, judged where something is promised.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) contestant: &'static str,
    pub(crate) floor: &'static str,
    pub(crate) measure: &'static str,
    pub(crate) unit: Unit,
    pub(crate) summary: Summary,
    pub(crate) budget: Option<(Budget, Verdict)>,
}

impl Plan {
    pub(crate) const fn full() -> Self {
        Self { rounds: 15, slice: Slice::new(Duration::from_millis(30), Duration::from_millis(120)) }
    }

    pub(crate) const fn quick() -> Self {
        Self { rounds: 3, slice: Slice::new(Duration::from_millis(20), Duration::from_millis(60)) }
    }

    pub(crate) const fn with_rounds(self, rounds: u32) -> Self {
        Self { rounds, ..self }
    }
}

impl<'a> Contest<'a> {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), entries: Vec::new(), server: None }
    }

    /// Asks the server what it spends, in all and inside `commands`.
    pub(crate) fn watch(mut self, server: &'a Server, commands: &'a [&'a str]) -> Self {
        self.server = Some((server, commands));
        self
    }

    /// Enters a contestant, whose callers are made from their numbers.
    pub(crate) fn enter<C: Caller>(
        &mut self,
        name: &'static str,
        (runtime, load): (&'a Runtime, Load),
        caller: impl Fn(usize) -> C + 'a,
    ) -> Entrant {
        self.enter_process(name, move |slice| load.run(runtime, slice, &caller))
    }

    /// Enters a contestant that runs a slice in its own way.
    pub(crate) fn enter_process(
        &mut self,
        name: &'static str,
        run: impl Fn(Slice) -> Result<Count> + 'a,
    ) -> Entrant {
        self.entries.push(Entry { name, run: Box::new(run) });
        Entrant(self.entries.len() - 1)
    }

    /// Runs all rounds.
    ///
    /// In a round everybody has two slices, there and back, so that a machine which slows down steadily slows
    /// down everybody alike.
    pub(crate) fn run(self, plan: &Plan) -> Result<Outcome> {
        let Self { title, entries, server } = self;
        let mut control = server.map(|(server, _)| server.control());
        let commands = server.map_or(&[] as &[_], |(_, commands)| commands);
        let mut series: Vec<_> =
            entries.iter().map(|entry| Series { name: entry.name, samples: Vec::new() }).collect();
        for round in 1..=plan.rounds {
            let mut samples = vec![Sample::default(); entries.len()];
            for place in (0..entries.len()).chain((0..entries.len()).rev()) {
                let before = Usage::now(control.as_mut(), commands);
                let count = (entries[place].run)(plan.slice)?;
                let after = Usage::now(control.as_mut(), commands);
                samples[place].add(&Sample { count, usage: after.since(&before) });
            }
            let mut line = format!("{title} · round {round} of {}", plan.rounds);
            for (series, sample) in series.iter_mut().zip(samples) {
                line += &format!(" · {} {}", series.name, sample.show());
                series.samples.push(sample);
            }
            eprintln!("{line}");
        }
        Ok(Outcome { title, series, findings: Vec::new() })
    }
}

impl Outcome {
    /// Compares a contestant with a floor, round by round, and judges where something is promised.
    pub(crate) fn compare(
        &mut self,
        contestant: Entrant,
        floor: Entrant,
        measure: Measure,
        budget: Option<Budget>,
    ) {
        let (contestant, floor) = (&self.series[contestant.0], &self.series[floor.0]);
        let rounds = contestant.samples.iter().zip(&floor.samples);
        let ratios: Vec<_> = rounds.map(|(mine, floor)| (measure.compare)(mine, floor)).collect();
        let finding =
            Finding::new((contestant.name, floor.name), (measure.name, measure.unit), &ratios, budget);
        self.findings.push(finding);
    }
}

impl Finding {
    pub(crate) fn new(
        (contestant, floor): (&'static str, &'static str),
        (measure, unit): (&'static str, Unit),
        ratios: &[f64],
        budget: Option<Budget>,
    ) -> Self {
        let summary = Summary::of(ratios);
        let budget = budget.map(|budget| (budget, budget.judge(&summary, unit)));
        Self { contestant, floor, measure, unit, summary, budget }
    }
}

impl Series {
    /// All rounds in one.
    pub(crate) fn total(&self) -> Sample {
        let mut total = Sample::default();
        self.samples.iter().for_each(|sample| total.add(sample));
        total
    }
}

impl Sample {
    fn add(&mut self, other: &Self) {
        self.count.add(&other.count);
        self.usage.add(&other.usage);
    }

    pub(crate) fn calls_per_second(&self) -> f64 {
        self.count.calls as f64 / self.count.elapsed.as_secs_f64()
    }

    /// The time from call to answer in the mean.
    pub(crate) fn nanos_per_call(&self) -> f64 {
        self.count.callers as f64 * 1e9 / self.calls_per_second()
    }

    pub(crate) fn client_micros_per_call(&self) -> f64 {
        self.per_call(self.usage.client)
    }

    pub(crate) fn server_micros_per_call(&self) -> f64 {
        self.per_call(self.usage.server)
    }

    pub(crate) fn in_commands_micros_per_call(&self) -> f64 {
        self.per_call(self.usage.in_commands)
    }

    /// How many cores `cpu` kept busy.
    pub(crate) fn cores(&self, cpu: Duration) -> f64 {
        cpu.as_secs_f64() / self.count.whole.as_secs_f64()
    }

    fn per_call(&self, spent: Duration) -> f64 {
        spent.as_secs_f64() * 1e6 / self.count.all_calls as f64
    }

    fn show(&self) -> String {
        let nanos = self.nanos_per_call();
        if nanos < 10_000.0 { time(nanos) } else { per_second(self.calls_per_second()) }
    }
}
