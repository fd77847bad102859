//! Postcodes: four digits, a place, a state.

use redstart::TextId;
use rusqlite::{OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use super::{Database, RecordId, Result, State};

/// Where a postcode leads.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Postcode {
    id: RecordId,
    code: String,
    name: String,
    state: State,
}

impl Postcode {
    /// The state that it lies in.
    pub(crate) const fn state(&self) -> State {
        self.state
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { id: row.get(0)?, code: row.get(1)?, name: row.get(2)?, state: row.get(3)? })
    }
}

impl Database {
    /// Finds a postcode.
    pub(crate) async fn postcode(&self, code: TextId) -> Result<Option<Postcode>> {
        self.query(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT id, code, name, state FROM postcodes WHERE code = ?")?;
            Ok(statement.query_row([code.as_str()], Postcode::read).optional()?)
        })
        .await
    }

    /// Finds postcodes; those that do not exist are left out.
    pub(crate) async fn postcodes(&self, codes: Vec<TextId>) -> Result<Vec<(TextId, Postcode)>> {
        let wanted = serde_json::to_string(&codes.iter().map(TextId::as_str).collect::<Vec<_>>());
        self.query(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, code, name, state FROM postcodes WHERE code IN (SELECT value FROM json_each(?))",
            )?;
            let found = statement.query_map([wanted.unwrap_or_default()], Postcode::read)?;
            let found: Vec<Postcode> = found.collect::<rusqlite::Result<_>>()?;
            let id = |postcode: &Postcode| codes.iter().find(|code| code.as_str() == postcode.code).cloned();
            Ok(found.into_iter().filter_map(|postcode| Some((id(&postcode)?, postcode))).collect())
        })
        .await
    }
}
