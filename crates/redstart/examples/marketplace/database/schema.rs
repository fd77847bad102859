//! The tables, and the first start.

use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::{Result, seed};

/// Raised with every change of the tables.
const VERSION: i64 = 3;

const TABLES: &str = "
    CREATE TABLE users (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, password_hash TEXT NOT NULL
    );
    CREATE TABLE creators (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, user_id INTEGER NOT NULL UNIQUE REFERENCES users
    );
    CREATE TABLE brands (id INTEGER PRIMARY KEY, name TEXT NOT NULL, website TEXT NOT NULL);
    CREATE TABLE projects (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL,
        user_id INTEGER NOT NULL REFERENCES users, brand_id INTEGER NOT NULL REFERENCES brands
    );
    CREATE TABLE assets (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL,
        project_id INTEGER NOT NULL REFERENCES projects
    );
    CREATE TABLE licenses (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, royalty_cents INTEGER NOT NULL,
        asset_id INTEGER NOT NULL REFERENCES assets, brand_id INTEGER NOT NULL REFERENCES brands
    );
    CREATE TABLE products (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL,
        price_cents INTEGER NOT NULL, inventory INTEGER NOT NULL, brand_id INTEGER NOT NULL REFERENCES brands
    );
    CREATE TABLE postcodes (
        id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL, state TEXT NOT NULL
    );
    CREATE TABLE royalty_runs (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, fence INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE payments (
        run_id INTEGER NOT NULL REFERENCES royalty_runs, creator_id INTEGER NOT NULL REFERENCES creators,
        cents INTEGER NOT NULL, PRIMARY KEY (run_id, creator_id)
    ) WITHOUT ROWID;
    CREATE INDEX projects_of_user ON projects (user_id);
    CREATE INDEX assets_of_project ON assets (project_id);
    CREATE INDEX licenses_of_asset ON licenses (asset_id);
";

/// What version 2 added.
const ACTIVITY: &str = "
    CREATE TABLE activity (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, user_id INTEGER REFERENCES users,
        product_id INTEGER REFERENCES products, details TEXT NOT NULL,
        created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
    );
    CREATE TABLE scholarships (id INTEGER PRIMARY KEY, name TEXT NOT NULL, places INTEGER NOT NULL);
    INSERT INTO scholarships (name, places) VALUES
        ('First Exhibition', 12), ('Music School', 8), ('Young Creators', 40);
    CREATE INDEX activity_of_user ON activity (user_id);
";

/// What version 3 added.
const ACCOUNTS: &str = "
    CREATE TABLE accounts (
        creator_id INTEGER PRIMARY KEY REFERENCES creators, paid_cents INTEGER NOT NULL DEFAULT 0,
        fence INTEGER NOT NULL DEFAULT 0
    );
";

/// Makes the tables and fills them, unless an earlier start did.
pub(super) fn prepare(connection: &mut Connection) -> Result<()> {
    // Two instances may share a file, and start at once.
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version < 1 {
        transaction.execute_batch(TABLES)?;
        seed::fill(&transaction)?;
    }
    if version < 2 {
        transaction.execute_batch(ACTIVITY)?;
    }
    if version < VERSION {
        transaction.execute_batch(ACCOUNTS)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    Ok(transaction.commit()?)
}
