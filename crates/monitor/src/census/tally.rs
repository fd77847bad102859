//! The sums of a census.

use std::{cmp::Reverse, collections::BTreeMap};

use redstart_keys::Category;

use super::{CategoryCount, Census, CensusPage, HotKey, SizedKey, may_stay};
use crate::Told;

/// How many of the biggest, hottest and endless keys are named.
const NAMED: usize = 20;

/// What was counted so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    categories: BTreeMap<&'static str, CategoryCount>,
    endless: (u64, Vec<String>),
    sizes: Told<()>,
    biggest: Vec<SizedKey>,
    uses: Told<()>,
    hottest: Vec<HotKey>,
}

impl Tally {
    pub(super) fn add(&mut self, page: CensusPage) {
        (self.sizes, self.uses) = (page.sizes, page.uses);
        for key in page.keys {
            let category = Category::of(key.name.as_bytes());
            let name = category.map_or("other", Category::name);
            let empty = CategoryCount { category: name, ..CategoryCount::default() };
            let count = self.categories.entry(name).or_insert(empty);
            count.keys += 1;
            count.without_ttl += u64::from(!key.ends);
            count.bytes += key.bytes.unwrap_or(0);
            if !key.ends && category.is_some_and(|category| !may_stay(category)) {
                self.endless.0 += 1;
                if self.endless.1.len() < NAMED {
                    self.endless.1.push(key.name.clone());
                }
            }
            if let Some(frequency) = key.frequency {
                self.hottest.push(HotKey { name: key.name.clone(), frequency });
            }
            if let Some(bytes) = key.bytes {
                self.biggest.push(SizedKey { name: key.name, bytes });
            }
        }
        keep_first(&mut self.biggest, |key| Reverse(key.bytes));
        keep_first(&mut self.hottest, |key| Reverse(key.frequency));
    }

    pub(super) fn finish(self) -> Census {
        let Self { categories, endless: (endless, endless_keys), sizes, biggest, uses, hottest } = self;
        Census {
            categories: categories.into_values().collect(),
            endless,
            endless_keys,
            biggest: sizes.map(|()| biggest),
            hottest: uses.map(|()| hottest),
            ..Census::default()
        }
    }
}

/// Keeps the first twenty; what a scan shows twice follows itself, and stays once.
fn keep_first<T: PartialEq, K: Ord>(keys: &mut Vec<T>, by: impl FnMut(&T) -> K) {
    keys.sort_by_key(by);
    keys.dedup();
    keys.truncate(NAMED);
}
