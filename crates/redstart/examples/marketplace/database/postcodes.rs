//! Postcodes: four digits, a place, a state.

use redstart::TextId;
use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};

use super::{Database, RecordId, Result};

/// Where a postcode leads.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Postcode {
    id: RecordId,
    code: String,
    name: String,
    state: String,
}

impl Database {
    /// Finds a postcode.
    pub(crate) async fn postcode(&self, code: TextId) -> Result<Option<Postcode>> {
        self.query(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT id, code, name, state FROM postcodes WHERE code = ?")?;
            let postcode = statement.query_row([code.as_str()], |row| {
                Ok(Postcode { id: row.get(0)?, code: row.get(1)?, name: row.get(2)?, state: row.get(3)? })
            });
            Ok(postcode.optional()?)
        })
        .await
    }
}
