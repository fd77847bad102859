//! What users do: messages, bookings, payments, uploads, interactions.

use rusqlite::params;
use serde::Serialize;
use serde_json::Value;

use super::{Database, RecordId, Result};

/// One thing that somebody did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Activity {
    id: RecordId,
    kind: String,
    details: Value,
    created_at: String,
}

/// How often something was done.
#[derive(Debug, Serialize)]
pub(crate) struct Tally {
    name: String,
    count: i64,
}

impl Database {
    /// Notes what somebody did; a visitor has no user.
    pub(crate) async fn note(
        &self,
        kind: &'static str,
        user: Option<RecordId>,
        product: Option<RecordId>,
        details: Value,
    ) -> Result<Activity> {
        self.query(move |connection| {
            let text = details.to_string();
            let (id, created_at) = connection.query_row(
                "INSERT INTO activity (kind, user_id, product_id, details) VALUES (?, ?, ?, ?)
                 RETURNING id, created_at",
                params![kind, user, product, text],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            Ok(Activity { id, kind: kind.to_owned(), details, created_at })
        })
        .await
    }

    /// Everything that a user did, the latest first, a thousand at most.
    pub(crate) async fn activity_of(&self, user: RecordId) -> Result<Vec<Activity>> {
        self.query(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, kind, details, created_at FROM activity WHERE user_id = ? ORDER BY id DESC LIMIT 1000",
            )?;
            let rows = statement.query_map([user], |row| {
                let details: String = row.get(2)?;
                let details = serde_json::from_str(&details).unwrap_or_default();
                Ok(Activity { id: row.get(0)?, kind: row.get(1)?, details, created_at: row.get(3)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// How often each kind of thing was done, or how often each product met with one kind.
    pub(crate) async fn tally(&self, kind: Option<String>) -> Result<Vec<Tally>> {
        self.query(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT coalesce(products.name, activity.kind) AS name, count(*)
                 FROM activity LEFT JOIN products ON products.id = activity.product_id AND ?1 IS NOT NULL
                 WHERE ?1 IS NULL OR activity.kind = ?1
                 GROUP BY name ORDER BY count(*) DESC, name LIMIT 20",
            )?;
            let rows =
                statement.query_map([kind], |row| Ok(Tally { name: row.get(0)?, count: row.get(1)? }))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The scholarships that there are.
    pub(crate) async fn scholarships(&self) -> Result<Vec<Tally>> {
        self.query(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT name, places FROM scholarships ORDER BY name")?;
            let rows = statement.query_map([], |row| Ok(Tally { name: row.get(0)?, count: row.get(1)? }))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Tells in which state a postcode lies; none if there is no such code.
    pub(crate) async fn state_of(&self, code: String) -> Result<Option<String>> {
        self.query(move |connection| {
            let mut statement = connection.prepare_cached("SELECT state FROM postcodes WHERE code = ?")?;
            let mut rows = statement.query([code])?;
            Ok(match rows.next()? {
                Some(row) => Some(row.get(0)?),
                None => None,
            })
        })
        .await
    }
}
