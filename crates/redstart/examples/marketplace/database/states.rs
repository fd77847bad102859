//! The states, and which postcodes they may have.

use std::{fmt, str::FromStr};

use redstart::{TextId, cache::Tag};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use serde::{Deserialize, Serialize};

/// A state or territory.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum State {
    Act,
    Nsw,
    Nt,
    Qld,
    Sa,
    Tas,
    Vic,
    Wa,
}

/// A text that names no state.
#[derive(Debug, thiserror::Error)]
#[error("a state is one of ACT, NSW, NT, QLD, SA, TAS, VIC and WA")]
pub(crate) struct UnknownState;

impl State {
    /// All of them.
    pub(crate) const ALL: [Self; 8] =
        [Self::Act, Self::Nsw, Self::Nt, Self::Qld, Self::Sa, Self::Tas, Self::Vic, Self::Wa];

    /// The state that a code would lie in, whether there is such a code or not; none beyond all of them.
    pub(crate) fn of_code(code: &TextId) -> Option<Self> {
        Some(match code.as_str().parse::<u16>().ok()? {
            200..=299 | 2600..=2618 | 2900..=2920 => Self::Act,
            1000..=2599 | 2619..=2899 | 2921..=2999 => Self::Nsw,
            800..=999 => Self::Nt,
            4000..=4999 | 9000..=9999 => Self::Qld,
            5000..=5999 => Self::Sa,
            7000..=7999 => Self::Tas,
            3000..=3999 | 8000..=8999 => Self::Vic,
            6000..=6999 => Self::Wa,
            _ => return None,
        })
    }

    /// The code that answers for those of the state that nobody knows.
    pub(crate) fn representative(self) -> Option<TextId> {
        let code = match self {
            Self::Act => "2600",
            Self::Nsw => "2000",
            Self::Nt => "0800",
            Self::Qld => "4000",
            Self::Sa => "5000",
            Self::Tas => "7000",
            Self::Vic => "3000",
            Self::Wa => "6000",
        };
        TextId::new(code).ok()
    }

    /// What the postcodes of the state are tagged with.
    pub(crate) fn tag(self) -> Option<Tag> {
        Tag::new(format!("state:{self}")).ok()
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Act => "ACT",
            Self::Nsw => "NSW",
            Self::Nt => "NT",
            Self::Qld => "QLD",
            Self::Sa => "SA",
            Self::Tas => "TAS",
            Self::Vic => "VIC",
            Self::Wa => "WA",
        }
    }
}

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.name().eq_ignore_ascii_case(text)).ok_or(UnknownState)
    }
}

impl FromSql for State {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(|error: UnknownState| FromSqlError::Other(error.into()))
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
