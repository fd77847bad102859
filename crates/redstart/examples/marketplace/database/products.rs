//! Products, and apart from them what changes often: inventory and price.

use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

use super::{Database, Price, RecordId, Result};

/// What changes seldom about a product.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Product {
    id: RecordId,
    name: String,
    description: String,
    brand_id: RecordId,
}

/// A product that a search found.
#[derive(Debug, Serialize)]
pub(crate) struct Match {
    id: RecordId,
    name: String,
}

impl Database {
    /// Finds products; those that do not exist are left out.
    pub(crate) async fn products(&self, ids: Vec<RecordId>) -> Result<Vec<(RecordId, Product)>> {
        self.query(move |connection| {
            let columns = "id, name, description, brand_id";
            select(connection, columns, &ids, |row| {
                let (id, name, description, brand_id) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                Ok((id, Product { id, name, description, brand_id }))
            })
        })
        .await
    }

    /// Finds how many are left of each product.
    pub(crate) async fn inventories(&self, ids: Vec<RecordId>) -> Result<Vec<(RecordId, u32)>> {
        self.query(move |connection| {
            select(connection, "id, inventory", &ids, |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .await
    }

    /// Finds the prices of products.
    pub(crate) async fn prices(&self, ids: Vec<RecordId>) -> Result<Vec<(RecordId, Price)>> {
        self.query(move |connection| {
            select(connection, "id, price_cents", &ids, |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .await
    }

    /// Finds the products that a shop window shows when nobody knows yet what is asked for.
    pub(crate) async fn first_products(&self, most: u32) -> Result<Vec<RecordId>> {
        self.query(move |connection| {
            let mut statement = connection.prepare_cached("SELECT id FROM products ORDER BY id LIMIT ?")?;
            let ids = statement.query_map([most], |row| row.get(0))?;
            Ok(ids.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Sets how many are left; answers whether there is such a product.
    pub(crate) async fn set_inventory(&self, id: RecordId, inventory: u32) -> Result<bool> {
        self.query(move |connection| {
            let changed =
                connection.execute("UPDATE products SET inventory = ? WHERE id = ?", (inventory, id))?;
            Ok(0 < changed)
        })
        .await
    }

    /// Sets the price; answers whether there is such a product.
    pub(crate) async fn set_price(&self, id: RecordId, price: Price) -> Result<bool> {
        self.query(move |connection| {
            let changed =
                connection.execute("UPDATE products SET price_cents = ? WHERE id = ?", (price, id))?;
            Ok(0 < changed)
        })
        .await
    }

    /// Finds the first twenty products whose names hold a text.
    pub(crate) async fn search(&self, text: String) -> Result<Vec<Match>> {
        self.query(move |connection| {
            // `instr` takes every character literally, which LIKE does not.
            let mut statement = connection.prepare_cached(
                "SELECT id, name FROM products WHERE instr(lower(name), lower(?)) ORDER BY id LIMIT 20",
            )?;
            let matches =
                statement.query_map([text], |row| Ok(Match { id: row.get(0)?, name: row.get(1)? }))?;
            Ok(matches.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }
}

/// Selects columns of products by their ids, which travel as one array.
fn select<T>(
    connection: &Connection,
    columns: &str,
    ids: &[RecordId],
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let statement = format!("SELECT {columns} FROM products WHERE id IN (SELECT value FROM json_each(?))");
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let mut statement = connection.prepare_cached(&statement)?;
    let rows = statement.query_map([format!("[{}]", ids.join(","))], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
