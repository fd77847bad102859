//! Royalty runs: each pays every creator once.

use rusqlite::OptionalExtension;
use serde::Serialize;

use super::{Database, DatabaseError, RecordId, Result};

/// What a run has paid.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payment {
    id: RecordId,
    name: String,
    /// How many creators were paid now.
    paid: usize,
    /// What all creators got from this run, now and before.
    total_cents: i64,
}

impl Database {
    /// Tells whether there is such a run.
    pub(crate) async fn has_royalty_run(&self, run: RecordId) -> Result<bool> {
        self.query(move |connection| {
            let mut statement = connection.prepare_cached("SELECT 1 FROM royalty_runs WHERE id = ?")?;
            Ok(statement.exists([run])?)
        })
        .await
    }

    /// Pays every creator whom the run has not paid yet; none if there is no such run.
    ///
    /// The fence keeps those out who lost the lock and do not know it yet: a run never takes a
    /// change from a holder before the last one.
    pub(crate) async fn pay_royalties(&self, run: RecordId, fence: u64) -> Result<Option<Payment>> {
        // A fence is a time in microseconds, which a signed number holds for 290,000 years.
        let fence = i64::try_from(fence).unwrap_or(i64::MAX);
        self.query(move |connection| {
            let transaction = connection.transaction()?;
            let found = transaction
                .query_row("SELECT name, fence FROM royalty_runs WHERE id = ?", [run], |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
                })
                .optional()?;
            let Some((name, last_fence)) = found else { return Ok(None) };
            if fence < last_fence {
                return Err(DatabaseError::Outrun);
            }
            transaction.execute("UPDATE royalty_runs SET fence = ? WHERE id = ?", (fence, run))?;
            let paid = transaction.execute(
                "INSERT OR IGNORE INTO payments (run_id, creator_id, cents)
                 SELECT ?, creators.id, sum(royalty_cents)
                 FROM creators
                     JOIN projects USING (user_id)
                     JOIN assets ON assets.project_id = projects.id
                     JOIN licenses ON licenses.asset_id = assets.id
                 GROUP BY creators.id",
                [run],
            )?;
            let total_cents = transaction.query_row(
                "SELECT coalesce(sum(cents), 0) FROM payments WHERE run_id = ?",
                [run],
                |row| row.get(0),
            )?;
            transaction.commit()?;
            Ok(Some(Payment { id: run, name, paid, total_cents }))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn run_refuses_a_holder_of_the_past_and_pays_once() {
        let database = Database::open(None).await.unwrap();
        let run: RecordId = "1".parse().unwrap();
        let first = database.pay_royalties(run, 10).await.unwrap().unwrap();
        assert!(0 < first.paid && 0 < first.total_cents);
        let late = database.pay_royalties(run, 9).await;
        assert!(matches!(late, Err(DatabaseError::Outrun)), "{late:?}");
        let again = database.pay_royalties(run, 11).await.unwrap().unwrap();
        assert_eq!((again.paid, again.total_cents), (0, first.total_cents));
        assert!(database.pay_royalties("99999999".parse().unwrap(), 12).await.unwrap().is_none());
    }
}
