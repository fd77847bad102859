//! What a login needs to know.

use rusqlite::OptionalExtension;

use super::{Database, RecordId, Result, fields::Email};

/// Who may log in, and how they prove it.
pub(crate) struct Account {
    pub(crate) user: RecordId,
    /// The argon2 hash of the password.
    pub(crate) password_hash: String,
}

impl Database {
    /// Finds the account of an e-mail address.
    pub(crate) async fn account(&self, email: Email) -> Result<Option<Account>> {
        self.query(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT id, password_hash FROM users WHERE email = ?")?;
            let account = statement
                .query_row([email], |row| Ok(Account { user: row.get(0)?, password_hash: row.get(1)? }));
            Ok(account.optional()?)
        })
        .await
    }

    /// Sets the hash of a user's password.
    pub(crate) async fn set_password(&self, user: RecordId, hash: String) -> Result<()> {
        self.query(move |connection| {
            connection.execute("UPDATE users SET password_hash = ? WHERE id = ?", (hash, user))?;
            Ok(())
        })
        .await
    }
}
