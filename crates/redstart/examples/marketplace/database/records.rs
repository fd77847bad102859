//! The six kinds of records that are read and changed alike.

use rusqlite::{Connection, OptionalExtension, Row, ToSql, params_from_iter};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Database, RecordId, Result,
    fields::{Email, Name},
};

/// A kind of record with a table of its own.
pub(crate) trait Record: DeserializeOwned + Serialize + Send + Sync + 'static {
    /// The table, which is also the word in the path.
    const TABLE: &'static str;
    /// What finds one by its id.
    const SELECT: &'static str;
    /// What may be changed.
    type Changes: Changes;

    /// Reads one from a row of `SELECT`.
    fn read(row: &Row<'_>) -> rusqlite::Result<Self>;
}

/// The fields that a change gives; those that it leaves out stay.
pub(crate) trait Changes: DeserializeOwned + Send + 'static {
    /// The columns that change, and to what.
    fn columns(&self) -> Columns<'_>;

    /// Tells whether nothing would change.
    fn is_empty(&self) -> bool {
        self.columns().is_empty()
    }
}

type Columns<'a> = Vec<(&'static str, &'a dyn ToSql)>;

/// Somebody with an account.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct User {
    id: RecordId,
    name: String,
    email: String,
}

/// A user who sells.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Creator {
    id: RecordId,
    name: String,
    user_id: RecordId,
    email: String,
}

/// Who buys licences.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Brand {
    id: RecordId,
    name: String,
    website: String,
}

/// What a user works on for a brand.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Project {
    id: RecordId,
    name: String,
    user_id: RecordId,
    brand_id: RecordId,
    owner: String,
    status: String,
}

/// A part of a project.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asset {
    id: RecordId,
    name: String,
    project_id: RecordId,
    owner: String,
    kind: String,
}

impl Asset {
    /// The project that it is a part of.
    pub(crate) const fn project(&self) -> RecordId {
        self.project_id
    }
}

/// The right of a brand to use an asset.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct License {
    id: RecordId,
    name: String,
    asset_id: RecordId,
    brand_id: RecordId,
    owner: String,
    royalty_cents: u32,
}

/// What hangs on a user and shows their name or address.
#[derive(Debug, Default)]
pub(crate) struct Dependents {
    pub(crate) creators: Vec<RecordId>,
    pub(crate) projects: Vec<RecordId>,
    pub(crate) assets: Vec<RecordId>,
    pub(crate) licenses: Vec<RecordId>,
}

/// Changes of what has nothing but a name to change.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Renaming {
    name: Option<Name>,
}

/// Changes of a user.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChanges {
    name: Option<Name>,
    email: Option<Email>,
}

/// Changes of a brand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BrandChanges {
    name: Option<Name>,
    website: Option<Name>,
}

/// Changes of a project.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProjectChanges {
    name: Option<Name>,
    status: Option<Name>,
}

/// Changes of a licence.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct LicenseChanges {
    name: Option<Name>,
    royalty_cents: Option<u32>,
}

impl Database {
    /// Finds a record.
    pub(crate) async fn find<R: Record>(&self, id: RecordId) -> Result<Option<R>> {
        self.query(move |connection| select(connection, id)).await
    }

    /// Changes a record, and answers what it is now; none if there is no such record.
    pub(crate) async fn change<R: Record>(&self, id: RecordId, changes: R::Changes) -> Result<Option<R>> {
        self.query(move |connection| {
            let transaction = connection.transaction()?;
            let columns = changes.columns();
            let assignments: Vec<_> = columns.iter().map(|(column, _)| format!("{column} = ?")).collect();
            let statement = format!("UPDATE {} SET {} WHERE id = ?", R::TABLE, assignments.join(", "));
            let values = columns.iter().map(|(_, value)| *value);
            transaction.execute(&statement, params_from_iter(values.chain([&id as &dyn ToSql])))?;
            let changed = select(&transaction, id)?;
            transaction.commit()?;
            Ok(changed)
        })
        .await
    }

    /// Lists what shows a user's name or address.
    pub(crate) async fn dependents(&self, user: RecordId) -> Result<Dependents> {
        self.query(move |connection| {
            let mut dependents = Dependents::default();
            let mut statement = connection.prepare_cached(
                "WITH p AS (SELECT id FROM projects WHERE user_id = ?1),
                      a AS (SELECT id FROM assets WHERE project_id IN p)
                 SELECT 0, id FROM creators WHERE user_id = ?1
                 UNION ALL SELECT 1, id FROM p
                 UNION ALL SELECT 2, id FROM a
                 UNION ALL SELECT 3, id FROM licenses WHERE asset_id IN a",
            )?;
            let mut rows = statement.query([user])?;
            while let Some(row) = rows.next()? {
                let of_kind = match row.get(0)? {
                    0 => &mut dependents.creators,
                    1 => &mut dependents.projects,
                    2 => &mut dependents.assets,
                    _ => &mut dependents.licenses,
                };
                of_kind.push(row.get(1)?);
            }
            Ok(dependents)
        })
        .await
    }
}

fn select<R: Record>(connection: &Connection, id: RecordId) -> Result<Option<R>> {
    Ok(connection.prepare_cached(R::SELECT)?.query_row([id], R::read).optional()?)
}

impl Record for User {
    const TABLE: &'static str = "users";
    const SELECT: &'static str = "SELECT id, name, email FROM users WHERE id = ?";
    type Changes = UserChanges;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { id: row.get(0)?, name: row.get(1)?, email: row.get(2)? })
    }
}

impl Record for Creator {
    const TABLE: &'static str = "creators";
    const SELECT: &'static str = "SELECT creators.id, creators.name, user_id, email
        FROM creators JOIN users ON users.id = user_id WHERE creators.id = ?";
    type Changes = Renaming;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { id: row.get(0)?, name: row.get(1)?, user_id: row.get(2)?, email: row.get(3)? })
    }
}

impl Record for Brand {
    const TABLE: &'static str = "brands";
    const SELECT: &'static str = "SELECT id, name, website FROM brands WHERE id = ?";
    type Changes = BrandChanges;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { id: row.get(0)?, name: row.get(1)?, website: row.get(2)? })
    }
}

impl Record for Project {
    const TABLE: &'static str = "projects";
    const SELECT: &'static str = "SELECT projects.id, projects.name, user_id, brand_id, users.name, status
        FROM projects JOIN users ON users.id = user_id WHERE projects.id = ?";
    type Changes = ProjectChanges;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            user_id: row.get(2)?,
            brand_id: row.get(3)?,
            owner: row.get(4)?,
            status: row.get(5)?,
        })
    }
}

impl Record for Asset {
    const TABLE: &'static str = "assets";
    const SELECT: &'static str = "SELECT assets.id, assets.name, project_id, users.name, kind
        FROM assets JOIN projects ON projects.id = project_id JOIN users ON users.id = user_id
        WHERE assets.id = ?";
    type Changes = Renaming;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            project_id: row.get(2)?,
            owner: row.get(3)?,
            kind: row.get(4)?,
        })
    }
}

impl Record for License {
    const TABLE: &'static str = "licenses";
    const SELECT: &'static str = "SELECT licenses.id, licenses.name, asset_id, licenses.brand_id, users.name,
            royalty_cents
        FROM licenses JOIN assets ON assets.id = asset_id JOIN projects ON projects.id = project_id
            JOIN users ON users.id = user_id
        WHERE licenses.id = ?";
    type Changes = LicenseChanges;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            asset_id: row.get(2)?,
            brand_id: row.get(3)?,
            owner: row.get(4)?,
            royalty_cents: row.get(5)?,
        })
    }
}

impl Changes for Renaming {
    fn columns(&self) -> Columns<'_> {
        columns([("name", field(&self.name))])
    }
}

impl Changes for UserChanges {
    fn columns(&self) -> Columns<'_> {
        columns([("name", field(&self.name)), ("email", field(&self.email))])
    }
}

impl Changes for BrandChanges {
    fn columns(&self) -> Columns<'_> {
        columns([("name", field(&self.name)), ("website", field(&self.website))])
    }
}

impl Changes for ProjectChanges {
    fn columns(&self) -> Columns<'_> {
        columns([("name", field(&self.name)), ("status", field(&self.status))])
    }
}

impl Changes for LicenseChanges {
    fn columns(&self) -> Columns<'_> {
        columns([("name", field(&self.name)), ("royalty_cents", field(&self.royalty_cents))])
    }
}

fn field<T: ToSql>(value: &Option<T>) -> Option<&dyn ToSql> {
    value.as_ref().map(|value| value as &dyn ToSql)
}

fn columns<'a, const N: usize>(fields: [(&'static str, Option<&'a dyn ToSql>); N]) -> Columns<'a> {
    fields.into_iter().filter_map(|(column, value)| Some((column, value?))).collect()
}
