//! For whom a flag is on.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Parts of a share: ten thousandths, so that a percentage has two decimals.
const PARTS: u32 = 10_000;

/// For whom a flag is on: nobody, everybody, those of some segments, a share of all.
///
/// As JSON, which other programs may write: `{"on":true,"share":2500,"segments":["staff"]}`, where the share
/// is in ten thousandths.
///
/// ```
/// use redstart_state::FlagRule;
///
/// let rule = FlagRule::percent(10.0).and_segment("staff");
/// assert!(rule.is_on("checkout", Some("user 7"), &["staff"]));
/// assert!(!FlagRule::OFF.is_on("checkout", Some("user 7"), &["staff"]));
/// assert!(FlagRule::ON.is_on("checkout", None, &[]));
/// ```
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FlagRule {
    on: bool,
    #[serde(default = "everybody", skip_serializing_if = "is_everybody")]
    share: u32,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    segments: BTreeSet<String>,
}

impl FlagRule {
    /// On for nobody.
    pub const OFF: Self = Self { on: false, share: PARTS, segments: BTreeSet::new() };
    /// On for everybody.
    pub const ON: Self = Self { on: true, share: PARTS, segments: BTreeSet::new() };

    /// On for about this percentage of all subjects, in steps of a hundredth.
    ///
    /// Whoever has it keeps it while the percentage rises.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it lies between nothing and everybody"
    )]
    pub fn percent(percent: f64) -> Self {
        let share = (percent.clamp(0.0, 100.0) * 100.0).round() as u32;
        Self { share, ..Self::ON }
    }

    /// On for these alone, beside whom the rule names already: a rule for everybody becomes one for the
    /// segment.
    #[must_use]
    pub fn and_segment(mut self, segment: impl Into<String>) -> Self {
        if self.segments.is_empty() && self.share == PARTS {
            self.share = 0;
        }
        self.segments.insert(segment.into());
        self
    }

    /// Whether it is on for a subject, such as a user, of these segments; who is nobody has no share.
    #[must_use]
    pub fn is_on(&self, flag: &str, subject: Option<&str>, segments: &[&str]) -> bool {
        if !self.on || self.share == PARTS {
            return self.on;
        }
        segments.iter().any(|segment| self.segments.contains(*segment))
            || subject.is_some_and(|subject| place(flag, subject) < self.share)
    }
}

/// The place of a subject among all, for good; another one for each flag, so that it is not always the same
/// subjects who have what is new.
fn place(flag: &str, subject: &str) -> u32 {
    let mut hash = Sha256::new();
    hash.update(u64::try_from(flag.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(flag);
    hash.update(subject);
    let digest: [u8; 32] = hash.finalize().into();
    let number = digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
    u32::try_from(number % u64::from(PARTS)).unwrap_or(0)
}

const fn everybody() -> u32 {
    PARTS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over by reference")]
const fn is_everybody(share: &u32) -> bool {
    *share == PARTS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share_of(rule: &FlagRule, flag: &str) -> Vec<u32> {
        (0..20_000).filter(|user| rule.is_on(flag, Some(&user.to_string()), &[])).collect()
    }

    #[test]
    fn share_is_about_the_percentage() {
        for percent in [0_u8, 1, 25, 99, 100] {
            let on = share_of(&FlagRule::percent(percent.into()), "checkout").len();
            let off_by = on.abs_diff(usize::from(percent) * 200);
            assert!(off_by < 250, "{on} of 20,000 for {percent} %");
        }
    }

    #[test]
    fn flags_choose_other_subjects() {
        let rule = FlagRule::percent(10.0);
        let (a, b) = (share_of(&rule, "a"), share_of(&rule, "b"));
        let both = a.iter().filter(|user| b.contains(user)).count();
        assert!((100..300).contains(&both), "a tenth of a tenth is about 200, not {both}");
    }

    #[test]
    fn place_of_a_subject_is_the_same_in_every_release() {
        assert_eq!(["1", "2", "ada"].map(|user| place("checkout", user)), [PLACES.0, PLACES.1, PLACES.2]);
    }
    const PLACES: (u32, u32, u32) = (4429, 3073, 9232);

    #[test]
    fn rule_reads_what_it_writes_and_what_others_write() {
        let segment = FlagRule::percent(12.34).and_segment("staff");
        for rule in [FlagRule::ON, FlagRule::OFF, segment.clone(), FlagRule::ON.and_segment("beta")] {
            let text = serde_json::to_string(&rule).unwrap();
            assert_eq!(serde_json::from_str::<FlagRule>(&text).unwrap(), rule, "{text}");
        }
        assert_eq!(serde_json::to_string(&FlagRule::ON).unwrap(), r#"{"on":true}"#);
        let theirs = r#"{"on":true,"share":1234,"segments":["staff"]}"#;
        assert_eq!(serde_json::from_str::<FlagRule>(theirs).unwrap(), segment);
    }

    #[test]
    fn segment_has_it_and_nobody_else() {
        let rule = FlagRule::ON.and_segment("beta");
        assert!(rule.is_on("f", None, &["other", "beta"]));
        assert!(!rule.is_on("f", Some("7"), &["other"]));
        assert!(!FlagRule { on: false, ..rule }.is_on("f", None, &["beta"]));
    }

    proptest! {
        #[test]
        fn who_has_it_keeps_it_while_the_share_rises(user in "[a-z0-9]{1,12}", a in 0.0..100.0, b in 0.0..100.0) {
            let (less, more) = (f64::min(a, b), f64::max(a, b));
            let is_on = |percent| FlagRule::percent(percent).is_on("f", Some(&user), &[]);
            prop_assert!(!is_on(less) || is_on(more));
        }
    }
}
