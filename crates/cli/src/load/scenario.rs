//! Scenarios: how many calls, of what, on how many keys, and what must hold.

use std::time::Duration;

use super::{
    choice::{Keys, Sizes},
    mix::Mix,
    stage::Stage,
    threshold::Threshold,
};

/// What a load does, and what it must hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What it is for, in a sentence.
    pub description: String,
    /// The rates of starts, one stage after the other.
    pub stages: Vec<Stage>,
    /// What the calls do.
    pub mix: Mix,
    /// The keys that they choose from.
    pub keys: Keys,
    /// The sizes of values.
    pub sizes: Sizes,
    /// How many calls may be under way at once; what is due beyond is dropped and counted.
    pub most_in_flight: usize,
    /// How long one call may take; none for what the configuration says.
    pub deadline: Option<Duration>,
    /// What must hold.
    pub thresholds: Vec<Threshold>,
    /// Chance begins here: the same seed makes the same calls.
    pub seed: u64,
}

/// The scenarios that have a name of their own.
pub const PRESETS: [(&str, &str); 5] = [
    ("baseline", "1000/s for 30 s: what the service is like on an ordinary day"),
    ("peak", "5000/s for 30 s: the busiest hour"),
    ("sustained", "1000/s for 5 min: whether anything grows that should not"),
    ("spike", "from nothing to 5000/s in 5 s, 10 s there, back, and 10 s of calm: whether it recovers"),
    ("ramp", "from 100/s to 5000/s in 60 s: where it begins to bend"),
];

/// The limit that a scenario has when it names none.
const MOST_IN_FLIGHT: usize = 20_000;

impl Scenario {
    /// The scenario of this name; none when there is none.
    ///
    /// ```
    /// use redstart_cli::load::Scenario;
    ///
    /// let peak = Scenario::preset("peak").map(|scenario| scenario.stages[0].to);
    /// assert_eq!(peak, Some(5_000.0));
    /// assert!(Scenario::preset("pike").is_none());
    /// ```
    #[must_use]
    pub fn preset(name: &str) -> Option<Self> {
        let seconds = Duration::from_secs;
        let stages = match name {
            "baseline" => vec![Stage::steady(1_000.0, seconds(30))],
            "peak" => vec![Stage::steady(5_000.0, seconds(30))],
            "sustained" => vec![Stage::steady(1_000.0, seconds(300))],
            "spike" => vec![
                Stage::ramp(0.0, 5_000.0, seconds(5)),
                Stage::steady(5_000.0, seconds(10)),
                Stage::ramp(5_000.0, 500.0, seconds(5)),
                Stage::steady(500.0, seconds(10)),
            ],
            "ramp" => vec![Stage::ramp(100.0, 5_000.0, seconds(60))],
            _ => return None,
        };
        let (_, description) = PRESETS.iter().find(|(known, _)| *known == name)?;
        Some(Self { name: name.to_owned(), description: (*description).to_owned(), ..Self::of(stages) })
    }

    /// A scenario of these stages, with the mix, the keys and the sizes of an ordinary service, and nothing
    /// that must hold.
    #[must_use]
    pub fn of(stages: Vec<Stage>) -> Self {
        Self {
            name: "custom".to_owned(),
            description: String::new(),
            stages,
            mix: Mix::of_a_service(),
            keys: Keys::new(10_000, 1.0),
            sizes: Sizes::between(100, 1_000),
            most_in_flight: MOST_IN_FLIGHT,
            deadline: None,
            thresholds: Vec::new(),
            seed: 1,
        }
    }

    /// The same rates for so long in all: every stage is stretched or shortened alike.
    #[must_use]
    pub fn lasting(mut self, time: Duration) -> Self {
        let whole: f64 = self.stages.iter().map(|stage| stage.seconds).sum();
        for stage in &mut self.stages {
            stage.seconds *= time.as_secs_f64() / whole;
        }
        self
    }

    /// The same shape with this as its highest rate.
    #[must_use]
    pub fn at_most(mut self, rate: f64) -> Self {
        let highest = self.stages.iter().map(|stage| stage.from.max(stage.to)).fold(0.0, f64::max);
        for stage in &mut self.stages {
            stage.from *= rate / highest;
            stage.to *= rate / highest;
        }
        self
    }
}
