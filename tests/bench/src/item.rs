//! What is stored, and which of it is asked for.

use std::sync::{Arc, LazyLock};

use redstart_keys::{Category, Entity, Ttl};
use serde::{Deserialize, Serialize};

use crate::server::PREFIX;

/// How many items there are.
pub(crate) const ITEMS: u64 = 10_000;

pub(crate) const ITEM: Entity<u64> = Entity::new(Category::Cache, "item").ttl(Ttl::hours(24));

/// A row as a service would cache it: 294 bytes of JSON.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Item {
    id: u64,
    name: String,
    email: String,
    description: String,
    tags: Vec<String>,
    price: u64,
    active: bool,
}

/// An endless walk through a fixed sequence of ids.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    sequence: Arc<[u64]>,
    at: usize,
}

const SEQUENCE: usize = 1 << 16;
/// Every run asks for the same ids in the same order.
const SEED: u64 = 0x6974_656d_7300_0000;

impl Item {
    pub(crate) fn sample(id: u64) -> Self {
        Self {
            id,
            name: format!("Item number {id}"),
            email: format!("owner{id}@example.com"),
            description: "A hand-made oak table with four legs, seasoned for two years and oiled twice; \
                          seats six people, or eight who like each other."
                .to_owned(),
            tags: ["furniture", "oak", "hand-made", "dining"].map(str::to_owned).to_vec(),
            price: 149_900 + id,
            active: true,
        }
    }

    /// The JSON of an item.
    pub(crate) fn json(id: u64) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Self::sample(id))
    }
}

/// The name under which the store keeps an item, as one writes it by hand.
pub(crate) fn name(id: u64) -> String {
    format!("{PREFIX}:cache:item:{{{id}}}")
}

impl Ids {
    /// A few ids often and many seldom: Zipf with exponent 0.99.
    pub(crate) fn zipf(caller: usize) -> Self {
        static SEQUENCE: LazyLock<Arc<[u64]>> = LazyLock::new(zipf);
        Self::from(&SEQUENCE, caller)
    }

    /// Every id as often as every other.
    pub(crate) fn uniform(caller: usize) -> Self {
        static SEQUENCE: LazyLock<Arc<[u64]>> = LazyLock::new(uniform);
        Self::from(&SEQUENCE, caller)
    }

    /// Each caller begins at a place of its own.
    fn from(sequence: &Arc<[u64]>, caller: usize) -> Self {
        Self { sequence: Arc::clone(sequence), at: caller * 7_919 % SEQUENCE }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.at = (self.at + 1) % SEQUENCE;
        self.sequence[self.at]
    }
}

fn zipf() -> Arc<[u64]> {
    let mut sum = 0.0;
    let sums: Vec<f64> = (1..=ITEMS)
        .map(|rank| {
            sum += (rank as f64).powf(-0.99);
            sum
        })
        .collect();
    let mut random = fastrand::Rng::with_seed(SEED);
    (0..SEQUENCE)
        .map(|_| {
            let place = random.f64() * sum;
            sums.partition_point(|sum| *sum < place) as u64
        })
        .collect()
}

fn uniform() -> Arc<[u64]> {
    let mut random = fastrand::Rng::with_seed(SEED);
    (0..SEQUENCE).map(|_| random.u64(..ITEMS)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_have_the_size_of_the_baselines() {
        let bytes = Item::json(42).unwrap().len();
        assert!((280..=300).contains(&bytes), "{bytes} bytes");
    }

    #[test]
    fn zipf_asks_for_few_ids_often_and_for_none_that_is_not_there() {
        let sequence = zipf();
        let of_the_first_hundred = sequence.iter().filter(|id| **id < 100).count();
        assert!(sequence.iter().all(|id| *id < ITEMS));
        assert!(SEQUENCE / 2 < of_the_first_hundred, "{of_the_first_hundred} of {SEQUENCE}");
    }
}
