//! The database: SQLite, in a file or in memory.

mod accounts;
mod activity;
mod fields;
mod payout;
mod postcodes;
mod products;
mod records;
mod royalty;
mod schema;
mod seed;
mod states;

use std::{path::PathBuf, sync::Arc};

use metrics::{Unit, counter, describe_counter};
use rusqlite::{Connection, ErrorCode};
use tokio::{sync::Mutex, task};

pub(crate) use self::{
    accounts::Account,
    activity::Activity,
    fields::{Email, Price, RecordId},
    payout::Payout,
    postcodes::Postcode,
    products::{Match, Product},
    records::{Asset, Brand, Changes, Creator, Dependents, License, Project, Record, User},
    royalty::Payment,
    states::State,
};

/// The counter of what the caches did not spare the database.
pub(crate) const QUERIES: &str = "marketplace_database_queries_total";
/// What the counter means, in a sentence.
pub(crate) const QUERIES_HELP: &str = "Queries that the database was sent.";

/// The result of everything that touches the database.
pub(crate) type Result<T, E = DatabaseError> = std::result::Result<T, E>;

/// A handle on the database; clones share it.
///
/// One connection serves all, one query at a time: SQLite answers in microseconds, and who waits
/// does so without a thread.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    connection: Arc<Mutex<Connection>>,
}

/// The database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// The change contradicts another record.
    #[error("the value belongs to another record")]
    Conflict,
    /// A newer holder of the lock has written.
    #[error("the lock behind this change has passed to another")]
    Outrun,
    /// SQLite failed.
    #[error("the database failed")]
    Sqlite(#[source] rusqlite::Error),
    /// The password of the sample data could not be hashed.
    #[error("the sample password could not be hashed")]
    Sample(#[source] argon2::password_hash::Error),
    /// The query ended in a panic.
    #[error("the query did not end")]
    Aborted(#[from] task::JoinError),
}

impl Database {
    /// Opens the database, and fills it when it is new.
    pub(crate) async fn open(file: Option<PathBuf>) -> Result<Self> {
        describe_counter!(QUERIES, Unit::Count, QUERIES_HELP);
        counter!(QUERIES).increment(0);
        let connection = task::spawn_blocking(move || {
            let mut connection = match file {
                Some(file) => Connection::open(file)?,
                None => Connection::open_in_memory()?,
            };
            schema::prepare(&mut connection)?;
            Ok::<_, DatabaseError>(connection)
        });
        Ok(Self { connection: Arc::new(Mutex::new(connection.await??)) })
    }

    /// Carries out one query, on a thread that may block.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the query may have been carried out.
    async fn query<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut connection = Arc::clone(&self.connection).lock_owned().await;
        counter!(QUERIES).increment(1);
        task::spawn_blocking(move || work(&mut connection)).await?
    }
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Self::Conflict,
            _ => Self::Sqlite(error),
        }
    }
}
