//! Payouts: what royalty runs have credited goes to the creators.

use rusqlite::OptionalExtension;
use serde::Serialize;

use super::{Database, DatabaseError, RecordId, Result};

/// What a payout has paid.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payout {
    /// What each creator got now, in cents.
    paid: Vec<Paid>,
    total_cents: i64,
}

#[derive(Debug, Serialize)]
struct Paid {
    creator: RecordId,
    cents: i64,
}

impl Database {
    /// Pays all these creators what they are owed, or none of them; none if one does not exist.
    ///
    /// Each comes with the fence of its lock. The statement itself compares it: an account takes no change
    /// from a holder before the last one, however late that one's statement arrives.
    pub(crate) async fn pay_out(&self, creators: Vec<(RecordId, u64)>) -> Result<Option<Payout>> {
        self.query(move |connection| {
            let transaction = connection.transaction()?;
            let mut paid = Vec::with_capacity(creators.len());
            for (creator, fence) in creators {
                let is_known =
                    transaction.query_row("SELECT 1 FROM creators WHERE id = ?", [creator], |_| Ok(()));
                if is_known.optional()?.is_none() {
                    return Ok(None);
                }
                // A fence is a time in microseconds, which a signed number holds for 290,000 years.
                let fence = i64::try_from(fence).unwrap_or(i64::MAX);
                transaction.execute("INSERT OR IGNORE INTO accounts (creator_id) VALUES (?)", [creator])?;
                let owed: i64 = transaction.query_row(
                    "SELECT (SELECT coalesce(sum(cents), 0) FROM payments WHERE creator_id = ?1) - paid_cents
                     FROM accounts WHERE creator_id = ?1",
                    [creator],
                    |row| row.get(0),
                )?;
                let changed = transaction.execute(
                    "UPDATE accounts SET paid_cents = paid_cents + ?2, fence = ?3
                     WHERE creator_id = ?1 AND fence <= ?3",
                    (creator, owed, fence),
                )?;
                if changed == 0 {
                    return Err(DatabaseError::Outrun);
                }
                paid.push(Paid { creator, cents: owed });
            }
            transaction.commit()?;
            let total_cents = paid.iter().map(|paid| paid.cents).sum();
            Ok(Some(Payout { paid, total_cents }))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn account_refuses_a_holder_of_the_past_and_pays_once() {
        let database = Database::open(None).await.unwrap();
        let run: RecordId = "1".parse().unwrap();
        let credited = database.pay_royalties(run, 1).await.unwrap();
        assert!(credited.is_some());
        let creators = |fence: u64| ["1", "2"].map(|id| (id.parse().unwrap(), fence)).to_vec();
        let first = database.pay_out(creators(10)).await.unwrap().unwrap();
        assert!(0 < first.total_cents);
        let late = database.pay_out(creators(9)).await;
        assert!(matches!(late, Err(DatabaseError::Outrun)), "{late:?}");
        let mut mixed = creators(11);
        mixed[1].1 = 9;
        assert!(database.pay_out(mixed).await.is_err(), "one that is outrun stops all");
        let again = database.pay_out(creators(10)).await.unwrap().unwrap();
        assert_eq!(again.total_cents, 0);
    }
}
