//! Policies from a file.

use std::time::Duration;

use toml::{Table, Value};

use super::{InvalidPolicies, PERIOD, PolicyTable, nearest, parse_period, shown, unknown};
use crate::{OnOutage, Policy, policy::Patience};

/// The table of a file that is ours.
const TABLE: &str = "limits";
/// What a file may say of one policy; what it does not say stays.
const FIELDS: [&str; 6] = ["limit", "period", "burst", "outage", "deadline", "trial"];

impl PolicyTable {
    /// Changes policies by the table `limits` of a TOML file; other tables are passed by.
    ///
    /// A table of almost this name that holds one of the policies is a mistake, and told.
    ///
    /// Each policy may have `limit`, `period` (`"15m"`), `burst`, `outage` (`"allow"`, `"deny"`, or the
    /// share of the limit that each process gives, such as `0.25`), `deadline` (`"command"` or
    /// [`"adaptive"`](Policy::adaptive_deadline)) and `trial`.
    ///
    /// ```
    /// use redstart_ratelimit::{OnOutage, Policy, PolicyTable};
    ///
    /// let table = PolicyTable::new(&[Policy::per_hour("login", 5)]).changed_by_toml(
    ///     r#"
    ///     [limits.login]
    ///     limit = 10
    ///     period = "15m"
    ///     outage = "deny"
    ///     "#,
    /// )?;
    /// assert_eq!(table.or_default("login").outage_rule(), OnOutage::Deny);
    ///
    /// let error = table.changed_by_toml("[limits.logn]\nlimit = 1").expect_err("a slip");
    /// assert_eq!(
    ///     error.to_string(),
    ///     "limits.logn: there is no such policy, did you mean login? known are login, default"
    /// );
    /// # Ok::<(), redstart_ratelimit::InvalidPolicies>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails when the file is no TOML, a policy is unknown, or a field is not right; the error lists
    /// everything that is wrong.
    pub fn changed_by_toml(mut self, text: &str) -> Result<Self, InvalidPolicies> {
        let file: Table = text.parse().map_err(|error| InvalidPolicies(vec![unreadable(text, &error)]))?;
        let mut problems = self.doubles();
        problems.extend(file.iter().filter_map(|(table, value)| self.misnamed(table, value)));
        match file.get(TABLE) {
            Some(Value::Table(limits)) => {
                for (name, fields) in limits {
                    match self.changed(name, fields) {
                        Ok(changed) => self.put(changed),
                        Err(wrong) => problems.extend(wrong),
                    }
                }
            }
            Some(other) => {
                problems.push(format!("{TABLE}: expected a table of policies, got {}", told(other)))
            }
            None => {}
        }
        if problems.is_empty() { Ok(self) } else { Err(InvalidPolicies(problems)) }
    }

    /// The policy of this name with what its table says; else everything that is wrong there.
    fn changed(&self, name: &str, fields: &Value) -> Result<Policy, Vec<String>> {
        let Some(policy) = self.get(name) else {
            let names: Vec<&str> = self.iter().map(Policy::name).collect();
            let meant = nearest(name, names.iter().copied());
            return Err(vec![unknown(&format!("{TABLE}.{name}"), "policy", meant, &names)]);
        };
        let Value::Table(fields) = fields else {
            let got = told(fields);
            return Err(vec![format!(
                "{TABLE}.{name}: expected a table with `limit`, `period` and the like, got {got}"
            )]);
        };
        let (mut policy, mut wrong) = (*policy, Vec::new());
        for (field, value) in fields {
            let place = format!("{TABLE}.{name}.{field}");
            match with_field(policy, field, value) {
                Some(Ok(changed)) => policy = changed,
                Some(Err(expected)) => {
                    wrong.push(format!("{place}: expected {expected}, got {}", told(value)))
                }
                None => wrong.push(unknown(&place, "field", nearest(field, FIELDS.into_iter()), &FIELDS)),
            }
        }
        if wrong.is_empty() { Ok(policy) } else { Err(wrong) }
    }

    /// What is wrong with a table whose name is almost ours, and that holds what ours should.
    fn misnamed(&self, table: &str, value: &Value) -> Option<String> {
        let holds_policies = || {
            value.as_table().is_some_and(|held| self.iter().any(|policy| held.contains_key(policy.name())))
        };
        let is_meant = table != TABLE && nearest(table, [TABLE].into_iter()).is_some() && holds_policies();
        is_meant.then(|| format!("{table}: policies stand in the table `{TABLE}`, not in `{table}`"))
    }

    fn put(&mut self, changed: Policy) {
        let mut all = self.policies.iter_mut().chain([&mut self.default]);
        if let Some(policy) = all.find(|policy| policy.name() == changed.name()) {
            *policy = changed;
        }
    }
}

/// What is wrong with a text that is no TOML, without the text itself, which may be of any length.
fn unreadable(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}: {}", before.matches('\n').count() + 1, error.message())
}

/// A policy with one field of its table; or what would be right in it; none if there is no such field.
fn with_field(policy: Policy, field: &str, value: &Value) -> Option<Result<Policy, String>> {
    let or = |changed: Option<Policy>, expected: &str| changed.ok_or_else(|| expected.to_owned());
    Some(match field {
        "limit" => limit(value).map(|limit| policy.with_limit(limit)),
        "burst" => limit(value).map(|burst| policy.burst(burst)),
        "period" => or(period(value).map(|period| policy.with_period(period)), PERIOD),
        "outage" => or(
            outage(value).map(|rule| policy.on_outage(rule)),
            "\"allow\", \"deny\", or a share above 0 and at most 1",
        ),
        "deadline" => {
            or(patience(value).map(|patience| policy.with_patience(patience)), "\"command\" or \"adaptive\"")
        }
        "trial" => or(value.as_bool().map(|trial| policy.with_trial(trial)), "true or false"),
        _ => return None,
    })
}

fn limit(value: &Value) -> Result<u32, String> {
    let limit = value.as_integer().and_then(|limit| u32::try_from(limit).ok());
    limit.filter(|&limit| 0 < limit).ok_or_else(|| format!("a whole number from 1 to {}", u32::MAX))
}

fn period(value: &Value) -> Option<Duration> {
    parse_period(value.as_str()?.trim())
}

fn outage(value: &Value) -> Option<OnOutage> {
    let share = match value {
        Value::String(rule) if rule == "allow" => return Some(OnOutage::Allow),
        Value::String(rule) if rule == "deny" => return Some(OnOutage::Deny),
        // A whole number that is a share at all is this one.
        Value::Integer(1) => 1.0,
        Value::Float(share) => *share,
        _ => return None,
    };
    (0.0 < share && share <= 1.0).then_some(OnOutage::Local { share })
}

fn patience(value: &Value) -> Option<Patience> {
    match value.as_str()? {
        "adaptive" => Some(Patience::Adaptive),
        "command" => Some(Patience::Command),
        _ => None,
    }
}

/// What a file says, for people.
fn told(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text),
        Value::Array(_) => "an array".to_owned(),
        Value::Table(_) => "a table".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
