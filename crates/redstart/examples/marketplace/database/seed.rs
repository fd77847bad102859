//! The sample data: the same on every machine.

use rusqlite::{Transaction, params};

use super::{DatabaseError, Result};
use crate::passwords;

const USERS: u32 = 1_000;
const CREATORS: u32 = 400;
const BRANDS: u32 = 100;
const PROJECTS: u32 = 600;
const ASSETS: u32 = 1_200;
const LICENSES: u32 = 1_000;
const PRODUCTS: u32 = 1_000;
const ROYALTY_RUNS: u32 = 120;
const POSTCODES_PER_STATE: u32 = 50;

/// The password of every sample user.
const PASSWORD: &str = "password";

const GIVEN: [&str; 10] =
    ["Ada", "Alan", "Barbara", "Donald", "Edsger", "Frances", "Grace", "John", "Katherine", "Tony"];
const FAMILY: [&str; 10] =
    ["Allen", "Backus", "Codd", "Dahl", "Floyd", "Gray", "Hopper", "Knuth", "Liskov", "Wirth"];
const COLOURS: [&str; 10] =
    ["Amber", "Azure", "Coral", "Ebony", "Indigo", "Ivory", "Jade", "Ruby", "Sepia", "Teal"];
const GOODS: [&str; 10] =
    ["Bench", "Chair", "Clock", "Desk", "Frame", "Lamp", "Mirror", "Shelf", "Stool", "Vase"];
const TRADES: [&str; 5] = ["Studio", "Works", "House", "Press", "Atelier"];
const KINDS: [&str; 4] = ["image", "video", "audio", "text"];
const STATUSES: [&str; 3] = ["draft", "active", "done"];

/// The first postcode of each state, its capital and the state.
const STATES: [(u32, &str, &str); 8] = [
    (800, "Darwin", "NT"),
    (2000, "Sydney", "NSW"),
    (2600, "Canberra", "ACT"),
    (3000, "Melbourne", "VIC"),
    (4000, "Brisbane", "QLD"),
    (5000, "Adelaide", "SA"),
    (6000, "Perth", "WA"),
    (7000, "Hobart", "TAS"),
];

/// Fills the tables of a new database.
pub(super) fn fill(transaction: &Transaction<'_>) -> Result<()> {
    // One hash serves all: hashing a thousand times would keep the first start waiting for half a minute.
    let hash = passwords::sample_hash(PASSWORD).map_err(DatabaseError::Sample)?;
    let mut user = transaction.prepare("INSERT INTO users VALUES (?, ?, ?, ?)")?;
    for n in 1..=USERS {
        let name = format!("{} {}", nth(&GIVEN, n), nth(&FAMILY, n / 10));
        user.execute(params![n, name, format!("user{n}@example.com"), hash])?;
    }
    let mut creator = transaction.prepare("INSERT INTO creators VALUES (?, ?, ?)")?;
    for n in 1..=CREATORS {
        let name = format!("{} {} {n}", nth(&FAMILY, n), nth(&TRADES, n));
        creator.execute(params![n, name, n])?;
    }
    let mut brand = transaction.prepare("INSERT INTO brands VALUES (?, ?, ?)")?;
    for n in 1..=BRANDS {
        let name = format!("{} & {}", nth(&COLOURS, n), nth(&COLOURS, n / 10 + n + 1));
        brand.execute(params![n, name, format!("https://brand{n}.example.com")])?;
    }
    let mut project = transaction
        .prepare("INSERT INTO projects (id, name, status, user_id, brand_id) VALUES (?, ?, ?, ?, ?)")?;
    for n in 1..=PROJECTS {
        let name = format!("{} {} campaign {n}", nth(&COLOURS, n), nth(&GOODS, n / 10));
        project.execute(params![n, name, nth(&STATUSES, n), wrapped(n, CREATORS), wrapped(n, BRANDS)])?;
    }
    let mut asset =
        transaction.prepare("INSERT INTO assets (id, name, kind, project_id) VALUES (?, ?, ?, ?)")?;
    for n in 1..=ASSETS {
        let (kind, project) = (nth(&KINDS, n), wrapped(n, PROJECTS));
        asset.execute(params![n, format!("{} {kind} {n}", nth(&GOODS, n)), kind, project])?;
    }
    let mut license = transaction.prepare(
        "INSERT INTO licenses (id, name, royalty_cents, asset_id, brand_id) VALUES (?, ?, ?, ?, ?)",
    )?;
    for n in 1..=LICENSES {
        let royalty_cents = 500 + n * 37 % 9_500;
        license.execute(params![n, format!("Licence {n}"), royalty_cents, n, wrapped(n, BRANDS)])?;
    }
    let mut product = transaction.prepare("INSERT INTO products VALUES (?, ?, ?, ?, ?, ?)")?;
    for n in 1..=PRODUCTS {
        let (colour, good) = (nth(&COLOURS, n), nth(&GOODS, n / 10));
        let description = format!("A {} in {}, made to order.", good.to_lowercase(), colour.to_lowercase());
        let (price_cents, inventory) = (999 + n * 173 % 49_000, n * 7 % 100);
        let brand = wrapped(n, BRANDS);
        product.execute(params![
            n,
            format!("{colour} {good} {n}"),
            description,
            price_cents,
            inventory,
            brand
        ])?;
    }
    let mut postcode = transaction.prepare("INSERT INTO postcodes (code, name, state) VALUES (?, ?, ?)")?;
    for (first, capital, state) in STATES {
        for n in 0..POSTCODES_PER_STATE {
            let name = if n == 0 { capital.to_owned() } else { format!("{capital} District {n}") };
            postcode.execute(params![format!("{:04}", first + n), name, state])?;
        }
    }
    let mut run = transaction.prepare("INSERT INTO royalty_runs (id, name) VALUES (?, ?)")?;
    for n in 1..=ROYALTY_RUNS {
        run.execute(params![n, format!("Royalties of {}-{:02}", 2020 + (n - 1) / 12, 1 + (n - 1) % 12)])?;
    }
    Ok(())
}

/// The nth of a list that begins anew at its end.
fn nth(list: &[&'static str], n: u32) -> &'static str {
    list[n as usize % list.len()]
}

/// A number from 1 to `count` that begins anew at its end.
const fn wrapped(n: u32, count: u32) -> u32 {
    (n - 1) % count + 1
}
