//! Policies from a file.

use serde::Deserialize;

use super::{InvalidPolicies, PolicyTable, parse_period};
use crate::{OnOutage, Policy, policy::Patience};

/// What a file may say of one policy; what it does not say stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with `limit`, `period` and the like")]
struct Fields {
    limit: Option<u32>,
    period: Option<String>,
    burst: Option<u32>,
    outage: Option<Outage>,
    deadline: Option<String>,
    trial: Option<bool>,
}

/// `"allow"`, `"deny"`, or the share of the limit that this process gives.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Outage {
    Rule(String),
    Share(f64),
}

impl PolicyTable {
    /// Changes policies by the table `limits` of a TOML file; other tables are passed by.
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
    /// assert_eq!(error.to_string(), "limits.logn: there is no such policy; known are login, default");
    /// # Ok::<(), redstart_ratelimit::InvalidPolicies>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails when the file is no TOML, a policy is unknown, or a field is not right; the error lists
    /// everything that is wrong.
    pub fn changed_by_toml(mut self, text: &str) -> Result<Self, InvalidPolicies> {
        let file: toml::Table =
            text.parse().map_err(|error| InvalidPolicies(vec![unreadable(text, &error)]))?;
        let limits = match file.get("limits") {
            Some(toml::Value::Table(limits)) => limits.clone(),
            Some(_) => return Err(InvalidPolicies(vec!["limits: expected a table of policies".to_owned()])),
            None => toml::Table::new(),
        };
        let mut problems = self.doubles();
        for (name, value) in limits {
            let known = || self.iter().map(Policy::name).collect::<Vec<_>>().join(", ");
            let Some(policy) = self.get(&name).copied() else {
                problems.push(format!("limits.{name}: there is no such policy; known are {}", known()));
                continue;
            };
            match value.try_into::<Fields>() {
                Ok(fields) => match fields.apply(policy) {
                    Ok(changed) => self.put(changed),
                    Err(wrong) => {
                        problems.extend(wrong.into_iter().map(|wrong| format!("limits.{name}.{wrong}")))
                    }
                },
                Err(error) => problems.push(format!("limits.{name}: {}", error.message())),
            }
        }
        if problems.is_empty() { Ok(self) } else { Err(InvalidPolicies(problems)) }
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

impl Fields {
    fn apply(self, mut policy: Policy) -> Result<Policy, Vec<String>> {
        let Self { limit, period, burst, outage, deadline, trial } = self;
        let mut wrong = Vec::new();
        match limit {
            Some(0) => wrong.push("limit: expected a number above zero".to_owned()),
            Some(limit) => policy = policy.with_limit(limit),
            None => {}
        }
        if let Some(period) = period {
            match parse_period(period.trim()) {
                Some(period) => policy = policy.with_period(period),
                None => wrong
                    .push("period: expected a time such as \"30s\", \"15m\", \"1h\" or \"1d\"".to_owned()),
            }
        }
        match burst {
            Some(0) => wrong.push("burst: expected a number above zero".to_owned()),
            Some(burst) => policy = policy.burst(burst),
            None => {}
        }
        match outage {
            Some(Outage::Rule(rule)) if rule == "allow" => policy = policy.on_outage(OnOutage::Allow),
            Some(Outage::Rule(rule)) if rule == "deny" => policy = policy.on_outage(OnOutage::Deny),
            Some(Outage::Share(share)) if 0.0 < share && share <= 1.0 => {
                policy = policy.on_outage(OnOutage::Local { share });
            }
            Some(_) => wrong
                .push("outage: expected \"allow\", \"deny\", or a share above 0 and at most 1".to_owned()),
            None => {}
        }
        match deadline.as_deref() {
            Some("adaptive") => policy = policy.with_patience(Patience::Adaptive),
            Some("command") => policy = policy.with_patience(Patience::Command),
            Some(_) => wrong.push("deadline: expected \"command\" or \"adaptive\"".to_owned()),
            None => {}
        }
        if trial.is_some() {
            policy = policy.with_trial(trial == Some(true));
        }
        if wrong.is_empty() { Ok(policy) } else { Err(wrong) }
    }
}
