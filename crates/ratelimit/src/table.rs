//! Tables of policies, which the environment may change.

mod file;
mod near;

use std::time::Duration;

use redstart_keys::Ttl;

use self::near::nearest;
use crate::Policy;

/// What would be right for a period.
const PERIOD: &str = "a time of at most 100 years, such as \"30s\", \"15m\", \"1h\" or \"1d\"";
/// More than so many letters of a wrong value are not repeated.
const SHOWN: usize = 32;
const PREFIX: &str = "RATE_LIMIT_";
const DEFAULT: Policy = Policy::per_minute("default", 100);

/// The policies of a service, by name.
///
/// ```
/// use redstart_ratelimit::{Policy, PolicyTable};
/// use std::time::Duration;
///
/// const LOGIN: Policy = Policy::per("login", 5, Duration::from_secs(15 * 60));
/// const EXPORT: Policy = Policy::per_hour("export", 10);
///
/// let environment = [("RATE_LIMIT_LOGIN", "3"), ("RATE_LIMIT_EXPORT", "20/15m")];
/// let table = PolicyTable::new(&[LOGIN, EXPORT]).overridden_by(environment)?;
/// assert_eq!(table.get("login").map(Policy::limit), Some(3));
/// assert_eq!(table.or_default("search").limit(), 100);
/// # Ok::<(), redstart_ratelimit::InvalidPolicies>(())
/// ```
#[derive(Clone, Debug)]
pub struct PolicyTable {
    policies: Vec<Policy>,
    default: Policy,
}

/// What is wrong with the policies or with the variables that change them: everything at once.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct InvalidPolicies(Vec<String>);

impl PolicyTable {
    /// A table of these policies; one named `default` stands in for the names it lacks.
    ///
    /// Defaults to 100 per minute for those.
    #[must_use]
    pub fn new(policies: &[Policy]) -> Self {
        let is_default = |policy: &&Policy| policy.name() == DEFAULT.name();
        let default = policies.iter().find(is_default).copied().unwrap_or(DEFAULT);
        Self { policies: policies.iter().filter(|policy| !is_default(policy)).copied().collect(), default }
    }

    /// Changes policies by variables: `RATE_LIMIT_<NAME>` is `N`, in the policy's period, or `N/period`.
    ///
    /// Dashes of a name are underscores in the variable; periods are like `30s`, `15m`, `1h`, `1d`.
    /// Other variables are passed by, so the whole environment may be given.
    ///
    /// # Errors
    ///
    /// Fails when a name is unknown, a value is no limit, or two policies have one name; the error
    /// lists everything that is wrong.
    pub fn overridden_by<K: AsRef<str>, V: AsRef<str>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, InvalidPolicies> {
        let mut problems = self.doubles();
        for (variable, value) in variables {
            let (variable, value) = (variable.as_ref(), value.as_ref());
            let Some(name) = variable.strip_prefix(PREFIX) else { continue };
            let Some(policy) = self.policy_mut(name) else {
                problems.push(self.unknown_variable(variable, name));
                continue;
            };
            match parse(value) {
                Ok((limit, period)) => {
                    let period = period.unwrap_or_else(|| policy.period());
                    *policy = policy.with_limit(limit).with_period(period);
                }
                Err(expected) => {
                    problems.push(format!("{variable}: expected {expected}, got {}", shown(value)));
                }
            }
        }
        if problems.is_empty() { Ok(self) } else { Err(InvalidPolicies(problems)) }
    }

    /// The policy of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Policy> {
        self.iter().find(|policy| policy.name() == name)
    }

    /// The policy of this name, or else the default one.
    #[must_use]
    pub fn or_default(&self, name: &str) -> &Policy {
        self.get(name).unwrap_or(&self.default)
    }

    /// All policies, the default one last.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter().chain([&self.default])
    }

    fn policy_mut(&mut self, name: &str) -> Option<&mut Policy> {
        let mut all = self.policies.iter_mut().chain([&mut self.default]);
        all.find(|policy| variable_of(policy.name()).strip_prefix(PREFIX) == Some(name))
    }

    fn unknown_variable(&self, variable: &str, name: &str) -> String {
        let known: Vec<String> = self.iter().map(|policy| variable_of(policy.name())).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let parts = known.iter().filter_map(|variable| variable.strip_prefix(PREFIX));
        let meant = nearest(name, parts).map(variable_of);
        unknown(variable, "policy", meant.as_deref(), &known)
    }

    fn doubles(&self) -> Vec<String> {
        let twice = |(at, policy): (usize, &Policy)| {
            let before = self.policies.iter().take(at).any(|other| other.name() == policy.name());
            before.then(|| format!("two policies are named {}, and would share their counts", policy.name()))
        };
        self.policies.iter().enumerate().filter_map(twice).collect()
    }
}

impl InvalidPolicies {
    /// What is wrong, one by one.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.0
    }
}

fn variable_of(name: &str) -> String {
    format!("{PREFIX}{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// Says that there is no such thing, what may have been meant, and what there is.
fn unknown(place: &str, thing: &str, meant: Option<&str>, known: &[&str]) -> String {
    let known = known.join(", ");
    match meant {
        Some(meant) => format!("{place}: there is no such {thing}, did you mean {meant}? known are {known}"),
        None => format!("{place}: there is no such {thing}; known are {known}"),
    }
}

/// A text for people, of which nobody needs to see more than the beginning.
fn shown(text: &str) -> String {
    let mut beginning: String = text.chars().take(SHOWN).collect();
    if beginning.len() < text.len() {
        beginning.push('…');
    }
    format!("{beginning:?}")
}

/// Reads `N` or `N/period`; else tells what would be right.
fn parse(value: &str) -> Result<(u32, Option<Duration>), String> {
    let (limit, period) =
        value.split_once('/').map_or((value, None), |(limit, period)| (limit, Some(period)));
    let limit = limit.trim().parse().ok().filter(|&limit| 0 < limit);
    let limit = limit
        .ok_or_else(|| format!("a limit like `100` or `5/15m`, a whole number from 1 to {}", u32::MAX))?;
    let period =
        period.map(|period| parse_period(period.trim()).ok_or_else(|| format!("after the slash {PERIOD}")));
    Ok((limit, period.transpose()?))
}

fn parse_period(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (count, unit) = text.split_at(digits);
    let count: u64 = if count.is_empty() { 1 } else { count.parse().ok()? };
    let millis = match unit.trim() {
        "ms" => 1,
        "s" | "sec" | "second" => 1_000,
        "m" | "min" | "minute" => 60_000,
        "h" | "hour" => 3_600_000,
        "d" | "day" => 86_400_000,
        _ => return None,
    };
    let period = Duration::from_millis(count.checked_mul(millis)?);
    (!period.is_zero() && period <= Ttl::MAX.as_duration()).then_some(period)
}

#[cfg(test)]
mod tests;
