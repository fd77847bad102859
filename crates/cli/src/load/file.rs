//! Scenarios written as TOML.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Deserialize;

use super::{
    choice::{Keys, Sizes},
    mix::{Mix, Request, Step},
    scenario::Scenario,
    stage::Stage,
};

/// Everything that is wrong with a scenario, each with what would be right.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidScenario(Vec<String>);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    name: Option<String>,
    description: Option<String>,
    keys: Option<u64>,
    zipf: Option<f64>,
    value_size: Option<Size>,
    in_flight: Option<usize>,
    deadline: Option<String>,
    seed: Option<u64>,
    #[serde(default)]
    thresholds: Vec<String>,
    #[serde(default, rename = "stage")]
    stages: Vec<StageTable>,
    #[serde(default)]
    mix: BTreeMap<String, f64>,
    #[serde(default, rename = "request")]
    requests: Vec<Request>,
}

/// `rate` and `for`, or `from`, `to` and `for`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StageTable {
    rate: Option<f64>,
    from: Option<f64>,
    to: Option<f64>,
    r#for: String,
}

/// `300` or `"100..2000"`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Size {
    Fixed(usize),
    Between(String),
}

/// Values larger than this are no use for a cache, and many of them fill a server by accident.
const LARGEST_VALUE: usize = 8 * 1024 * 1024;
const FASTEST: f64 = 1_000_000.0;

impl Scenario {
    /// Reads a scenario that is written as TOML.
    ///
    /// ```
    /// use redstart_cli::load::Scenario;
    ///
    /// let text = r#"
    ///     thresholds = ["p99<25ms"]
    ///     [[stage]]
    ///     rate = 500
    ///     for = "20s"
    ///     [mix]
    ///     get = 9
    ///     set = 1
    /// "#;
    /// assert_eq!(Scenario::from_toml("checkout", text)?.stages[0].to, 500.0);
    ///
    /// let wrong = Scenario::from_toml("checkout", "[mix]\nget = -1").unwrap_err();
    /// assert!(wrong.to_string().contains("mix.get is -1; right would be a positive number"));
    /// # Ok::<(), redstart_cli::load::InvalidScenario>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails with everything that is wrong at once.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, InvalidScenario> {
        let file: File = toml::from_str(text)
            .map_err(|error| InvalidScenario(vec![error.to_string().trim_end().to_owned()]))?;
        let File {
            name: own_name,
            description,
            keys,
            zipf,
            value_size,
            in_flight,
            deadline,
            seed,
            thresholds,
            stages,
            mix,
            requests,
        } = file;
        let mut wrong = Wrong::default();
        let mut scenario =
            Self::of(stages.iter().enumerate().filter_map(|(at, table)| wrong.stage(at, table)).collect());
        if stages.is_empty() {
            wrong.add("there is no stage; right would be one like [[stage]] rate = 1000, for = \"30s\"");
        }
        scenario.name = own_name.unwrap_or_else(|| name.to_owned());
        scenario.description = description.unwrap_or_default();
        scenario.keys = wrong.keys(keys.unwrap_or(scenario.keys.count), zipf.unwrap_or(scenario.keys.zipf));
        if let Some(size) = value_size {
            scenario.sizes = wrong.sizes(&size).unwrap_or(scenario.sizes);
        }
        if !(mix.is_empty() && requests.is_empty()) {
            scenario.mix = wrong.mix(&mix, requests);
        }
        if let Some(most) = in_flight {
            wrong.demand(most > 0, || "in-flight is 0; right would be 1 or more".to_owned());
            scenario.most_in_flight = most;
        }
        scenario.deadline = deadline.and_then(|text| wrong.time("deadline", &text));
        scenario.seed = seed.unwrap_or(scenario.seed);
        for text in &thresholds {
            match text.parse() {
                Ok(threshold) => scenario.thresholds.push(threshold),
                Err(why) => wrong.add(why),
            }
        }
        if wrong.0.is_empty() { Ok(scenario) } else { Err(InvalidScenario(wrong.0)) }
    }
}

/// What is wrong so far.
#[derive(Debug, Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn add(&mut self, problem: impl Into<String>) {
        self.0.push(problem.into());
    }

    fn demand(&mut self, holds: bool, problem: impl FnOnce() -> String) {
        if !holds {
            self.0.push(problem());
        }
    }

    fn stage(&mut self, at: usize, table: &StageTable) -> Option<Stage> {
        let number = at + 1;
        let lasts = self.time(&format!("stage {number}: for"), &table.r#for)?;
        let (from, to) = match (table.rate, table.from, table.to) {
            (Some(rate), None, None) => (rate, rate),
            (None, Some(from), Some(to)) => (from, to),
            _ => {
                self.add(format!(
                    "stage {number} has no clear rate; right would be `rate`, or `from` and `to`"
                ));
                return None;
            }
        };
        let is_rate = |rate: f64| rate.is_finite() && (0.0..=FASTEST).contains(&rate);
        self.demand(is_rate(from) && is_rate(to) && from + to > 0.0, || {
            format!("stage {number}: {from}/s to {to}/s is no rate; right would be 1 to {FASTEST}")
        });
        Some(Stage::ramp(from, to, lasts))
    }

    fn time(&mut self, what: &str, text: &str) -> Option<Duration> {
        let time = humantime::parse_duration(text).ok().filter(|time| !time.is_zero());
        self.demand(time.is_some(), || format!("{what} is {text:?}; right would be a time such as \"30s\""));
        time
    }

    fn keys(&mut self, count: u64, zipf: f64) -> Keys {
        let keys = Keys::new(count, zipf);
        if let Err(why) = keys.check() {
            self.add(why);
        }
        keys
    }

    fn sizes(&mut self, size: &Size) -> Option<Sizes> {
        let sizes = match size {
            Size::Fixed(bytes) => Some((*bytes, *bytes)),
            Size::Between(text) => text
                .split_once("..")
                .and_then(|(least, most)| Some((least.trim().parse().ok()?, most.trim().parse().ok()?))),
        };
        let sizes = sizes.filter(|(least, most)| least <= most && *most <= LARGEST_VALUE);
        self.demand(sizes.is_some(), || {
            format!("value-size is {size}; right would be bytes such as 300 or \"100..2000\", {LARGEST_VALUE} at most")
        });
        sizes.map(|(least, most)| Sizes::between(least, most))
    }

    fn mix(&mut self, weights: &BTreeMap<String, f64>, requests: Vec<Request>) -> Mix {
        let mut steps = Vec::new();
        for (name, &weight) in weights {
            match Step::ALL.iter().find(|step| step.name() == name) {
                Some(step) => steps.push((*step, weight)),
                None => {
                    let known: Vec<_> = Step::ALL.iter().map(|step| step.name()).collect();
                    self.add(format!("mix.{name} is no step; right would be one of {}", known.join(", ")));
                }
            }
            self.weight(&format!("mix.{name}"), weight);
        }
        for (at, request) in requests.iter().enumerate() {
            self.weight(&format!("request {}: weight", at + 1), request.weight);
            self.demand(request.path.starts_with('/'), || {
                format!("request {}: path is {:?}; right would begin with /", at + 1, request.path)
            });
        }
        Mix { steps, requests }
    }

    fn weight(&mut self, what: &str, weight: f64) {
        self.demand(weight.is_finite() && weight > 0.0, || {
            format!("{what} is {weight}; right would be a positive number")
        });
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(bytes) => write!(f, "{bytes}"),
            Self::Between(text) => write!(f, "{text:?}"),
        }
    }
}

impl fmt::Display for InvalidScenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for InvalidScenario {}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> Vec<String> {
        Scenario::from_toml("x", text).unwrap_err().0
    }

    #[test]
    fn everything_that_can_be_said_is_read() {
        let scenario = Scenario::from_toml(
            "file",
            r#"
            name = "checkout"
            description = "The last day of the sale."
            keys = 500
            zipf = 0.0
            value-size = "10..20"
            in-flight = 100
            deadline = "2s"
            seed = 9
            thresholds = ["p99<25ms", "errors<0.1%"]
            [[stage]]
            from = 0
            to = 100
            for = "10s"
            [[stage]]
            rate = 100.5
            for = "1m 30s"
            [mix]
            get = 3
            limit = 1.5
            [[request]]
            path = "/api/v1/users/{id}"
            "#,
        )
        .unwrap();
        assert_eq!((&*scenario.name, scenario.seed, scenario.most_in_flight), ("checkout", 9, 100));
        assert_eq!(scenario.stages[1], Stage::steady(100.5, Duration::from_secs(90)));
        assert_eq!(scenario.mix.steps, [(Step::Get, 3.0), (Step::Limit, 1.5)]);
        assert_eq!(scenario.mix.requests, Mix::of_paths(&["/api/v1/users/{id}".to_owned()]));
        assert_eq!((scenario.keys, scenario.sizes), (Keys::new(500, 0.0), Sizes::between(10, 20)));
        assert_eq!((scenario.deadline, scenario.thresholds.len()), (Some(Duration::from_secs(2)), 2));
    }

    #[test]
    fn all_problems_come_at_once_each_with_what_would_be_right() {
        let problems = wrong(
            r#"
            keys = 0
            value-size = "9..1"
            thresholds = ["p98<1s"]
            [[stage]]
            rate = 10
            for = "30"
            [[stage]]
            rate = -1
            for = "1s"
            [[stage]]
            rate = 1
            to = 2
            for = "1s"
            [mix]
            gte = 1
            get = 0
            "#,
        );
        let expected = [
            r#"stage 1: for is "30"; right would be a time such as "30s""#,
            "stage 2: -1/s to -1/s is no rate; right would be 1 to 1000000",
            "stage 3 has no clear rate; right would be `rate`, or `from` and `to`",
            "keys is 0; right would be 1 or more",
            r#"value-size is "9..1"; right would be bytes such as 300 or "100..2000", 8388608 at most"#,
            "mix.get is 0; right would be a positive number",
            "mix.gte is no step; right would be one of ping, get, set, mget, cache, incr, limit, lock",
        ];
        assert_eq!(problems[..7], expected);
        assert!(problems[7].starts_with(r#"threshold "p98<1s": "p98" is not measured"#));
    }

    #[test]
    fn unknown_words_are_named_with_their_line() {
        let problem = &wrong("[[stage]]\nrate = 1\nfor = \"1s\"\n[mixx]\nget = 1\n")[0];
        assert!(problem.contains("line 4") && problem.contains("mixx"), "{problem}");
    }
}
